import type { Messages } from '../messages'

const start: Messages['start'] = {
  title: '开始',
  text: 'OpenAI 或 Anthropic 客户端使用您的模型所需的一切。',
  baseUrl: '基础 URL',
  baseUrlText: '供 OpenAI 客户端使用；Anthropic 客户端使用同一地址，但不带 /v1。',
  key: 'API 密钥',
  keyText: '密钥仅在创建时显示一次。新密钥会自动填入下方示例。',
  keyMake: '创建密钥',
  keyHave: '粘贴已有密钥以填入示例',
  keyStays: '密钥只留在本页，不会发送到任何地方。',
  model: '模型',
  snippets: '开始使用',
  noModels: '尚未提供模型',
  noModelsText: '运营方添加模型后会显示在这里。',
  balance: '余额',
  empty: '余额为零：充值之前请求会被拒绝。',
}
export default start
