// One chat that is open: its messages, and the answers that are being written.
// An answer is followed from what is known of it, so that a reload, another tab and a
// lost connection miss nothing.
import { api, ask, headers, type Schema } from '../../core/api'
import { aborted, asProblem, problemOf, type Problem } from '../../core/problem'
import { beside, branch, end } from './tree'

/** A message; what grows of it is watched. */
export class Message {
  text = $state('')
  reasoning = $state('')
  is = $state.raw() as Schema<'ChatMessage'>

  constructor(is: Schema<'ChatMessage'>) { this.take(is) }

  get id(): string { return this.is.id }
  get parent(): string { return this.is.parent ?? '' }
  get answering(): boolean { return this.is.status === 'answering' }

  take(is: Schema<'ChatMessage'>): void {
    this.is = is
    this.text = is.text
    this.reasoning = is.reasoning ?? ''
  }
}

/** A file that goes with a question. */
export type File_ = Schema<'ChatFile'>

const bytes = (text: string) => new TextEncoder().encode(text).length
const patience = [500, 1000, 2000, 5000] // milliseconds before the connection is tried again

export class Talk {
  chat = $state.raw<Schema<'Chat'>>()
  messages = $state.raw<Message[]>([])
  head = $state('')
  loading = $state(true)
  problem = $state.raw<Problem>()
  lost = $state(false) // the connection, while an answer is followed
  sending = $state(false)
  #stop = new AbortController()
  #followed = new Set<string>()

  constructor(readonly org: string, readonly id: string) {
    if (id) void this.load()
    else this.loading = false
  }

  shown = $derived(branch(this.messages, this.head))
  last = $derived(this.shown.at(-1))
  running = $derived(this.shown.find((m) => m.answering))

  get query() { return { organisation: this.org } }

  async load(): Promise<void> {
    this.problem = undefined
    try {
      const got = await ask(api.GET('/chats/{chat}', { params: { path: { chat: this.id }, query: this.query }, signal: this.#stop.signal }))
      this.take(got, got.messages)
    } catch (thrown) {
      if (!aborted(thrown)) this.problem = asProblem(thrown)
    }
    this.loading = false
  }

  /** Shows a chat with its messages, and follows those that are being written. */
  take(chat: Schema<'Chat'>, messages: Schema<'ChatMessage'>[]): void {
    this.chat = chat
    this.messages = messages.map((m) => new Message(m))
    this.head = chat.head ?? messages.at(-1)?.id ?? ''
    for (const m of this.messages) if (m.answering) void this.#follow(m)
  }

  /** Puts a question behind a message, or asks again for an answer to one. */
  async send(body: Schema<'AskChat'>): Promise<void> {
    this.sending = true
    try {
      const turn = await ask(api.POST('/chats/{chat}/messages', { params: { path: { chat: this.id }, query: this.query }, body }))
      const made = [turn.question, turn.answer].filter((m) => !this.messages.some((known) => known.id === m.id)).map((m) => new Message(m))
      this.messages = [...this.messages, ...made]
      this.head = turn.answer.id
      const answer = this.messages.find((m) => m.id === turn.answer.id)
      if (answer) void this.#follow(answer)
    } finally {
      this.sending = false
    }
  }

  async stop(): Promise<void> {
    const message = this.running
    if (message) await ask(api.POST('/chats/{chat}/messages/{message}/stop', { params: { path: { chat: this.id, message: message.id }, query: this.query } }))
  }

  /** Shows the branch of the message so many places beside another. */
  async turn(message: Message, by: number): Promise<void> {
    const all = beside(this.messages, message)
    const to = all[all.indexOf(message) + by]
    if (!to) return
    this.head = end(this.messages, to).id
    await this.change({ head: this.head })
  }

  async change(body: Schema<'PutChat'>): Promise<void> {
    this.chat = await ask(api.PATCH('/chats/{chat}', { params: { path: { chat: this.id }, query: this.query }, body }))
  }

  close(): void { this.#stop.abort() }

  async #follow(message: Message): Promise<void> {
    if (this.#followed.has(message.id)) return
    this.#followed.add(message.id)
    for (let tries = 0; !this.#stop.signal.aborted && message.answering; tries++) {
      try {
        const had = message.text.length + message.reasoning.length
        await this.#read(message)
        if (message.text.length + message.reasoning.length > had) tries = 0
      } catch (thrown) {
        if (aborted(thrown)) return
        const problem = asProblem(thrown)
        if (problem.status >= 400 && problem.status < 500) { // it is gone, or not ours any more
          this.problem = problem
          return
        }
      }
      if (!message.answering) break
      this.lost = true
      await this.#pause(patience[Math.min(tries, patience.length - 1)] as number)
    }
    this.lost = false
    this.#followed.delete(message.id)
  }

  // #pause waits, and no longer than until the browser is online again.
  #pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const go = () => {
        removeEventListener('online', go)
        done()
      }
      addEventListener('online', go)
      setTimeout(go, ms)
    })
  }

  async #read(message: Message): Promise<void> {
    const known = new URLSearchParams({ ...this.query, text: String(bytes(message.text)), reasoning: String(bytes(message.reasoning)) })
    const response = await fetch(`/api/v1/chats/${this.id}/messages/${message.id}/events?${known}`, { headers: headers(), credentials: 'same-origin', signal: this.#stop.signal })
    if (!response.ok || !response.body) throw await problemOf(response)
    this.lost = false
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      rest += value
      const events = rest.split('\n\n')
      rest = events.pop() as string
      for (const event of events) this.#hear(message, event)
    }
  }

  #hear(message: Message, event: string): void {
    const name = /^event: (.*)$/m.exec(event)?.[1]
    const data = /^data: (.*)$/m.exec(event)?.[1]
    if (!data) return
    if (name === 'delta') {
      const piece = JSON.parse(data) as { text?: string; reasoning?: string }
      if (piece.reasoning) message.reasoning += piece.reasoning
      if (piece.text) message.text += piece.text
    } else if (name === 'done') {
      message.take(JSON.parse(data) as Schema<'ChatMessage'>)
    }
  }
}
