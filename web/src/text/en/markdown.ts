export default {
  code: 'Code',
  copy: 'Copy',
  image: 'Picture',
  table: 'Table',
}
