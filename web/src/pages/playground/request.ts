// What a model is asked: the settings and the conversation as the body of a
// chat completion, and what is wrong with the settings.

/** What the person set. Numbers are as typed; what is empty is not sent. */
export interface Settings {
  system: string
  numbers: Record<string, string> // by the parameter's name
  stop: string // a sequence on each line
  thinking: Thinking
  format: 'text' | 'json_object' | 'json_schema'
  schema: string // JSON
  tools: Tool[]
  choice: string // auto, none, required, or a tool's name; empty is not sent
  serial: boolean // one call at a time
  stream: boolean
  more: string // a JSON object with further fields
}

/** Whether the model thinks before it answers, or how much; empty leaves it to the model. */
export type Thinking = '' | 'on' | 'off' | 'minimal' | 'low' | 'medium' | 'high'

/** A function that the model may call. */
export interface Tool {
  name: string
  description: string
  parameters: string // a JSON schema
}

/** A file beside a message: an image in the request itself, or a file that was uploaded. */
export interface Attachment {
  name: string
  bytes: number
  image?: string // a data URL
  file?: string // the id of the uploaded file
}

/** A call of a tool that the model asks for. */
export interface ToolCall {
  id: string
  name: string
  arguments: string
}

/** A message of the conversation. */
export type Message =
  | { role: 'user'; text: string; attachments: Attachment[] }
  | { role: 'assistant'; text: string; calls: ToolCall[] }
  | { role: 'tool'; call: string; text: string }

/** A parameter that is a number, with its bounds. */
export interface Parameter {
  name: string
  min: number
  max: number
  whole?: boolean
}

/** The parameters that are numbers; the first four are shown at once. */
export const parameters: Parameter[] = [
  { name: 'temperature', min: 0, max: 2 },
  { name: 'max_tokens', min: 1, max: 10_000_000, whole: true },
  { name: 'top_p', min: 0, max: 1 },
  { name: 'seed', min: -9_007_199_254_740_991, max: 9_007_199_254_740_991, whole: true },
  { name: 'top_k', min: -1, max: 1_000_000, whole: true },
  { name: 'min_p', min: 0, max: 1 },
  { name: 'frequency_penalty', min: -2, max: 2 },
  { name: 'presence_penalty', min: -2, max: 2 },
  { name: 'repetition_penalty', min: 0, max: 10 },
]

/** Settings in which nothing is said. */
export function untouched(): Settings {
  return { system: '', numbers: {}, stop: '', thinking: '', format: 'text', schema: '', tools: [], choice: '', serial: false, stream: true, more: '' }
}

/** Settings as they were kept, whatever became of them since. */
export function restored(kept: string | null): Settings {
  const fresh = untouched()
  try {
    const old = JSON.parse(kept ?? '{}') as Record<string, unknown>
    const fits = Object.entries(old).filter(([name, value]) => name in fresh && typeof value === typeof fresh[name as keyof Settings])
    const all = { ...fresh, ...Object.fromEntries(fits) } as Settings
    return Array.isArray(all.tools) ? all : { ...all, tools: [] }
  } catch {
    return fresh
  }
}

/** Whether the text is a number that the parameter may be. Empty is. */
export function fits(parameter: Parameter, typed: string): boolean {
  if (typed.trim() === '') return true
  const n = Number(typed)
  return Number.isFinite(n) && n >= parameter.min && n <= parameter.max && (!parameter.whole || Number.isInteger(n))
}

/** The JSON object that a text is, or undefined. */
export function object(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Whether the name is one that a function may have. */
export function named(name: string): boolean {
  return /^[a-zA-Z0-9_-]{1,64}$/.test(name)
}

/** What of the settings cannot be sent: names of parameters, `schema`, `more`. */
export function faults(s: Settings): string[] {
  const wrong = parameters.filter((p) => !fits(p, s.numbers[p.name] ?? '')).map((p) => p.name)
  if (s.format === 'json_schema' && !object(s.schema)) wrong.push('schema')
  if (s.more.trim() !== '' && !object(s.more)) wrong.push('more')
  return wrong
}

/** The body of the request. The settings must have no faults. */
export function body(model: string, s: Settings, messages: Message[]): Record<string, unknown> {
  const out: Record<string, unknown> = { model, messages: spoken(s.system, messages) }
  for (const p of parameters) {
    const typed = (s.numbers[p.name] ?? '').trim()
    if (typed !== '') out[p.name] = Number(typed)
  }
  const stop = s.stop.split('\n').filter((line) => line !== '')
  if (stop.length > 0) out.stop = stop
  if (s.thinking === 'on' || s.thinking === 'off') out.chat_template_kwargs = { enable_thinking: s.thinking === 'on', thinking: s.thinking === 'on' }
  else if (s.thinking) out.reasoning_effort = s.thinking
  if (s.format === 'json_object') out.response_format = { type: 'json_object' }
  if (s.format === 'json_schema') out.response_format = { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: object(s.schema) } }
  if (s.tools.length > 0) {
    out.tools = s.tools.map((tool) => ({ type: 'function', function: { name: tool.name, description: tool.description || undefined, parameters: object(tool.parameters) } }))
    if (s.choice) out.tool_choice = ['auto', 'none', 'required'].includes(s.choice) ? s.choice : { type: 'function', function: { name: s.choice } }
    if (s.serial) out.parallel_tool_calls = false
  }
  if (s.stream) Object.assign(out, { stream: true, stream_options: { include_usage: true } })
  return Object.assign(out, s.more.trim() === '' ? {} : object(s.more))
}

// spoken is the conversation as the API writes it.
function spoken(system: string, messages: Message[]): unknown[] {
  const all: unknown[] = system.trim() === '' ? [] : [{ role: 'system', content: system }]
  for (const m of messages) {
    if (m.role === 'tool') all.push({ role: 'tool', tool_call_id: m.call, content: m.text })
    else if (m.role === 'assistant') all.push(answered(m.text, m.calls))
    else all.push({ role: 'user', content: m.attachments.length === 0 ? m.text : parts(m.text, m.attachments) })
  }
  return all
}

function answered(text: string, calls: ToolCall[]): unknown {
  if (calls.length === 0) return { role: 'assistant', content: text }
  return {
    role: 'assistant', content: text || null,
    tool_calls: calls.map((call) => ({ id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } })),
  }
}

function parts(text: string, attachments: Attachment[]): unknown[] {
  const files = attachments.map((a) => (a.image ? { type: 'image_url', image_url: { url: a.image } } : { type: 'file', file: { file_id: a.file } }))
  return text === '' ? files : [...files, { type: 'text', text }]
}
