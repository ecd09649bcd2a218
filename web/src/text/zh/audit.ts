import type { Messages } from '../messages'

const audit: Messages['audit'] = {
  title: '审计日志',
  text: '每一次更改和登录尝试：操作者、来源与结果。',
  who: '操作者',
  nobody: '未登录',
  local: '服务器本机',
  key: (name) => `密钥：${name}`,
  action: '操作',
  object: '对象',
  outcome: '结果',
  done: '成功',
  from: '来源',
  number: '序号',
  browser: '浏览器',
  detail: '请求内容',
  filterAction: '操作',
  filterActor: '操作者（ID）',
  filterObject: '对象（ID）',
  none: '还没有更改记录',
  noneText: '记录不可更改：每一条的哈希都包含前一条。',
}
export default audit
