import type { Messages } from './messages'
import common from './zh/common'
import shell from './zh/shell'

const messages: Messages = { common, shell }
export default messages
