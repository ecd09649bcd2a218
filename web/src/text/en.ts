import common from './en/common'
import shell from './en/shell'

export default { common, shell }
