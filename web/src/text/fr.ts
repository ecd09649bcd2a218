import account from './fr/account'
import audit from './fr/audit'
import balance from './fr/balance'
import common from './fr/common'
import customers from './fr/customers'
import invoices from './fr/invoices'
import keys from './fr/keys'
import limits from './fr/limits'
import members from './fr/members'
import plan from './fr/plan'
import shell from './fr/shell'
import start from './fr/start'
import today from './fr/today'
import usage from './fr/usage'
import webhooks from './fr/webhooks'
import type { Messages } from './messages'

const messages: Messages = { account, audit, balance, common, customers, invoices, keys, limits, members, plan, shell, start, today, usage, webhooks }
export default messages
