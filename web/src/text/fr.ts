import audit from './fr/audit'
import balance from './fr/balance'
import common from './fr/common'
import invoices from './fr/invoices'
import keys from './fr/keys'
import limits from './fr/limits'
import plan from './fr/plan'
import shell from './fr/shell'
import start from './fr/start'
import usage from './fr/usage'
import webhooks from './fr/webhooks'
import type { Messages } from './messages'

const messages: Messages = { audit, balance, common, invoices, keys, limits, plan, shell, start, usage, webhooks }
export default messages
