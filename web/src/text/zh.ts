import balance from './zh/balance'
import common from './zh/common'
import keys from './zh/keys'
import plan from './zh/plan'
import shell from './zh/shell'
import start from './zh/start'
import usage from './zh/usage'
import type { Messages } from './messages'

const messages: Messages = { balance, common, keys, plan, shell, start, usage }
export default messages
