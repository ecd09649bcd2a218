import account from './zh/account'
import audit from './zh/audit'
import balance from './zh/balance'
import common from './zh/common'
import customers from './zh/customers'
import invoices from './zh/invoices'
import keys from './zh/keys'
import limits from './zh/limits'
import members from './zh/members'
import plan from './zh/plan'
import shell from './zh/shell'
import start from './zh/start'
import today from './zh/today'
import usage from './zh/usage'
import webhooks from './zh/webhooks'
import type { Messages } from './messages'

const messages: Messages = { account, audit, balance, common, customers, invoices, keys, limits, members, plan, shell, start, today, usage, webhooks }
export default messages
