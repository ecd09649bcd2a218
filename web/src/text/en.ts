import common from './en/common'
import keys from './en/keys'
import shell from './en/shell'
import start from './en/start'
import usage from './en/usage'

export default { common, keys, shell, start, usage }
