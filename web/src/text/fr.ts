import type { Messages } from './messages'
import common from './fr/common'
import keys from './fr/keys'
import shell from './fr/shell'
import start from './fr/start'

const messages: Messages = { common, keys, shell, start }
export default messages
