// One model's conversation: what was asked, what it answers, how fast, and what it cost.
import { api, ask, headers, type Schema } from '../../core/api'
import { aborted, asProblem, Problem, problemOf } from '../../core/problem'
import { body, type Attachment, type Message, type Settings, type ToolCall } from './request'
import { events, nothing, take, type Said, type Usage } from './stream'

/** How an answer came about. Times are milliseconds, as this browser saw them. */
export interface Measured {
  first?: number // to the first token
  rate?: number // tokens of the answer in a second, after the first
  usage?: Usage
  call?: Schema<'CallDetail'> // what was booked
}

/** An answer: as it comes, or as it was. */
export class Answer {
  readonly role = 'assistant'
  text = $state('')
  reasoning = $state('')
  calls = $state.raw<ToolCall[]>([])
  finish = $state('')
  state = $state<'waiting' | 'coming' | 'done' | 'stopped' | 'failed'>('waiting')
  problem = $state.raw<unknown>()
  measured = $state.raw<Measured>({})
  id = $state('') // the call's

  constructor(readonly model: string) {}
}

export type Entry = { role: 'user'; text: string; attachments: Attachment[] } | { role: 'tool'; call: string; text: string } | Answer

/** A column of the playground. */
export class Pane {
  model = $state('')
  entries = $state.raw<Entry[]>([])
  #stop = $state.raw<AbortController>()

  constructor(readonly org: string, model: string) {
    this.model = model
  }

  /** Whether an answer is under way. */
  get running(): boolean {
    return this.#stop !== undefined
  }

  /** The calls of tools that wait for their results. */
  get open(): ToolCall[] {
    const last = this.entries.at(-1)
    return last instanceof Answer && last.state === 'done' ? last.calls : []
  }

  /** What was booked of its answers. */
  get booked(): Schema<'CallDetail'>[] {
    return this.entries.flatMap((e) => (e instanceof Answer && e.measured.call ? [e.measured.call] : []))
  }

  /** The conversation as the API takes it. An answer of which nothing came is no part of it. */
  messages(): Message[] {
    return this.entries.flatMap((e): Message[] => {
      if (!(e instanceof Answer)) return [e]
      return e.text === '' && e.calls.length === 0 ? [] : [{ role: 'assistant', text: e.text, calls: e.state === 'done' ? e.calls : [] }]
    })
  }

  /** Asks the model the question. */
  say(settings: Settings, text: string, attachments: Attachment[]): Promise<void> {
    this.entries = [...this.entries, { role: 'user', text, attachments }]
    return this.run(settings)
  }

  /** Gives the results of the tools that were called, and goes on. */
  give(settings: Settings, results: { call: string; text: string }[]): Promise<void> {
    this.entries = [...this.entries, ...results.map((r) => ({ role: 'tool' as const, ...r }))]
    return this.run(settings)
  }

  /** Asks again for the last answer. */
  again(settings: Settings): Promise<void> {
    if (this.entries.at(-1) instanceof Answer) this.entries = this.entries.slice(0, -1)
    return this.run(settings)
  }

  /** Ends the answer that is under way. */
  stop(): void {
    this.#stop?.abort()
  }

  clear(): void {
    this.stop()
    this.entries = []
  }

  async run(settings: Settings): Promise<void> {
    const stop = new AbortController()
    const answer = new Answer(this.model)
    const request = body(this.model, settings, this.messages())
    this.#stop = stop
    this.entries = [...this.entries, answer]
    try {
      await receive(answer, this.org, request, stop.signal)
      answer.state = 'done'
    } catch (thrown) {
      answer.state = aborted(thrown) ? 'stopped' : 'failed'
      if (!aborted(thrown)) answer.problem = asProblem(thrown)
    }
    if (this.#stop === stop) this.#stop = undefined
    void book(answer)
  }
}

// receive makes the request and writes into the answer what comes, once a frame.
async function receive(answer: Answer, org: string, request: Record<string, unknown>, signal: AbortSignal): Promise<void> {
  const begun = performance.now()
  const response = await reach(org, request, signal)
  answer.id = response.headers.get('X-Request-Id') ?? ''
  const said = nothing()
  let first = 0
  let last = 0
  let frame = 0
  const show = () => {
    frame = 0
    answer.text = said.text
    answer.reasoning = said.reasoning
    answer.calls = Object.values(said.calls).map((call) => ({ ...call })) // without holes
    answer.finish = said.finish
    if (first) answer.state = 'coming'
    answer.measured = { ...answer.measured, ...speed(said, begun, first, last) }
  }
  try {
    for await (const data of chunks(response)) {
      if (!take(said, data)) continue
      last = performance.now()
      first ||= last
      frame ||= requestAnimationFrame(show)
    }
  } finally {
    cancelAnimationFrame(frame)
    show()
  }
}

async function reach(org: string, request: Record<string, unknown>, signal: AbortSignal): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`/api/v1/playground/chat/completions?organisation=${encodeURIComponent(org)}`, {
      method: 'POST', body: JSON.stringify(request), headers: { ...headers(), 'Content-Type': 'application/json' }, signal, credentials: 'same-origin',
    })
  } catch (thrown) {
    throw thrown instanceof TypeError ? new Problem('', 'offline') : thrown
  }
  if (!response.ok || !response.body) throw await problemOf(response)
  return response
}

// chunks are the pieces of a stream, or the one that a whole answer is. A stream
// without its end was cut off.
async function* chunks(response: Response): AsyncGenerator<string> {
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) {
    yield await response.text()
    return
  }
  for await (const data of events(response.body!)) {
    if (data === '[DONE]') return
    yield data
  }
  throw new Problem('', 'offline')
}

function speed(said: Said, begun: number, first: number, last: number): Measured {
  const tokens = said.usage?.completion_tokens ?? 0
  return {
    usage: said.usage,
    first: first ? first - begun : undefined,
    rate: tokens > 1 && last > first ? ((tokens - 1) * 1000) / (last - first) : undefined,
  }
}

// book finds what the call was booked as. What ended before its time is booked
// a moment later, and what was refused never.
async function book(answer: Answer): Promise<void> {
  if (!answer.id) return
  for (let wait = 100; wait <= 3200; wait *= 2) {
    try {
      const call = await ask(api.GET('/calls/{call}', { params: { path: { call: answer.id } } }))
      answer.measured = { ...answer.measured, call }
      return
    } catch (thrown) {
      if (asProblem(thrown).status !== 404) return
      await new Promise((done) => setTimeout(done, wait))
    }
  }
}
