import audit from './en/audit'
import balance from './en/balance'
import common from './en/common'
import invoices from './en/invoices'
import keys from './en/keys'
import limits from './en/limits'
import plan from './en/plan'
import shell from './en/shell'
import start from './en/start'
import usage from './en/usage'
import webhooks from './en/webhooks'

export default { audit, balance, common, invoices, keys, limits, plan, shell, start, usage, webhooks }
