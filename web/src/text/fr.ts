import type { Messages } from './messages'
import common from './fr/common'
import shell from './fr/shell'

const messages: Messages = { common, shell }
export default messages
