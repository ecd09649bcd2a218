import balance from './en/balance'
import common from './en/common'
import keys from './en/keys'
import plan from './en/plan'
import shell from './en/shell'
import start from './en/start'
import usage from './en/usage'

export default { balance, common, keys, plan, shell, start, usage }
