import balance from './fr/balance'
import common from './fr/common'
import keys from './fr/keys'
import plan from './fr/plan'
import shell from './fr/shell'
import start from './fr/start'
import usage from './fr/usage'
import type { Messages } from './messages'

const messages: Messages = { balance, common, keys, plan, shell, start, usage }
export default messages
