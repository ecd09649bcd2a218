import type { Messages } from '../messages'

const markdown: Messages['markdown'] = {
  code: 'Code',
  copy: 'Copier',
  image: 'Image',
  table: 'Tableau',
}

export default markdown
