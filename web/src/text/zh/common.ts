import { plural } from '../../core/plural'
import type { Messages } from '../messages'

const count = plural('zh')

const common: Messages['common'] = {
  actions: '操作',
  asChart: '以图表显示',
  asCsv: '下载 CSV',
  asTable: '以表格显示',
  cancel: '取消',
  chartOf: (what) => `图表：${what}。上方按钮可切换为表格。`,
  close: '关闭',
  copied: '已复制',
  copy: (what) => `复制：${what}`,
  dismiss: '关闭',
  done: '完成',
  edit: '编辑',
  failed: '操作未成功。',
  loading: '加载中…',
  more: '加载更多',
  never: '从未',
  nextForbidden: '请向本组织的管理员申请所需的角色。',
  nextOffline: '请检查网络连接后重试。',
  nextServer: '服务器已在日志中记录原因。请重试；已入账的内容只会入账一次。',
  nextWait: (seconds) => count(seconds, { other: '请在 # 秒后重试。' }),
  offline: '无法连接到服务器。',
  optional: '可选',
  retry: '重试',
  rows: (n, all) => count(n, { other: all ? '# 行' : '已加载 # 行' }),
  save: '保存',
  saved: '已保存',
  search: '搜索',
  time: '时间',
  changedMeanwhile: '其间有人修改了它。',
  field: '字段',
  keepMine: '保留我的',
  mine: '我的',
  takeTheirs: '采用对方的',
  theirs: '对方的',
}
export default common
