import type { Messages } from './messages'
import common from './zh/common'
import keys from './zh/keys'
import shell from './zh/shell'
import start from './zh/start'

const messages: Messages = { common, keys, shell, start }
export default messages
