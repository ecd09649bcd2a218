// An answer as it comes: server-sent events, and what is put together of them.
import { Problem } from '../../core/problem'
import type { ToolCall } from './request'

/** What the engine counted. */
export interface Usage {
  prompt_tokens: number
  completion_tokens: number
  prompt_tokens_details?: { cached_tokens?: number }
  completion_tokens_details?: { reasoning_tokens?: number }
}

/** What was answered so far. */
export interface Said {
  text: string
  reasoning: string
  calls: ToolCall[]
  finish: string
  usage?: Usage
}

/** Nothing yet. */
export function nothing(): Said {
  return { text: '', reasoning: '', calls: [], finish: '' }
}

/** The data of each event of a stream (WHATWG, server-sent events), whatever the pieces that it comes in. */
export async function* events(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true })
      // A \r at the end may be the first half of a line's end.
      const whole = done ? rest.length : Math.max(rest.lastIndexOf('\n') + 1, rest.endsWith('\r') ? 0 : rest.lastIndexOf('\r') + 1)
      for (const line of rest.slice(0, whole).split(/\r\n|\n|\r/).slice(0, done ? undefined : -1)) {
        if (line === '' && data.length > 0) {
          yield data.join('\n')
          data = []
        } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      }
      rest = rest.slice(whole)
      if (done) return
    }
  } finally {
    void reader.cancel().catch(() => {}) // whoever reads no further wants no more
  }
}

interface Delta {
  content?: string | null
  reasoning_content?: string | null
  reasoning?: string | null
  refusal?: string | null
  tool_calls?: { index?: number; id?: string; function?: { name?: string; arguments?: string } }[]
}

interface Chunk {
  choices?: { index?: number; delta?: Delta; message?: Delta; finish_reason?: string | null }[]
  usage?: Usage | null
  error?: { message?: string; code?: string; type?: string; param?: string }
}

/** Adds a chunk, or a whole answer, to what was said. True when it brought something to read. Throws the Problem that a stream ends with. */
export function take(said: Said, json: string): boolean {
  const chunk = JSON.parse(json) as Chunk
  if (chunk.error) throw new Problem(chunk.error.message ?? '', chunk.error.code ?? chunk.error.type ?? 'unknown', 0, chunk.error.param ?? '')
  if (chunk.usage) said.usage = chunk.usage
  const choice = chunk.choices?.find((c) => (c.index ?? 0) === 0)
  if (!choice) return false
  if (choice.finish_reason) said.finish = choice.finish_reason
  const delta = choice.delta ?? choice.message ?? {}
  const text = (delta.content ?? '') + (delta.refusal ?? '')
  const reasoning = delta.reasoning_content || delta.reasoning || ''
  said.text += text
  said.reasoning += reasoning
  for (const [i, part] of (delta.tool_calls ?? []).entries()) {
    const call = (said.calls[part.index ?? i] ??= { id: '', name: '', arguments: '' })
    if (part.id) call.id = part.id
    call.name += part.function?.name ?? ''
    call.arguments += part.function?.arguments ?? ''
  }
  return text !== '' || reasoning !== '' || (delta.tool_calls?.length ?? 0) > 0
}
