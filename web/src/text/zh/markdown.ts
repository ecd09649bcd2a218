import type { Messages } from '../messages'

const markdown: Messages['markdown'] = {
  code: '代码',
  copy: '复制',
  image: '图片',
  table: '表格',
}

export default markdown
