// Short news at the edge of the page.
import { aborted, asProblem } from './problem'
import { t } from './text.svelte'

/** One piece of news. */
export interface News {
  id: number
  kind: 'good' | 'bad'
  text: string
}

class Toasts {
  news = $state<News[]>([])
  #last = 0

  /** Says that something is done. */
  good(text: string): void { this.#add('good', text, 4000) }

  /** Says that something failed, and why. */
  bad(thrown: unknown): void {
    if (!aborted(thrown)) this.#add('bad', say(thrown), 9000)
  }

  drop(id: number): void { this.news = this.news.filter((n) => n.id !== id) }

  #add(kind: News['kind'], text: string, ms: number): void {
    const id = ++this.#last
    this.news = [...this.news.slice(-3), { id, kind, text }]
    setTimeout(() => this.drop(id), ms)
  }
}

export const toasts = new Toasts()

/** What went wrong, as a sentence with what is wrong with each field. */
export function say(thrown: unknown): string {
  const problem = asProblem(thrown)
  if (problem.code === 'offline') return t.common.offline
  const faults = problem.faults.map((f) => [f.location?.replace(/^(body|query|path)\.?/, ''), f.message].filter(Boolean).join(': '))
  return [problem.message || t.common.failed, ...faults].join(' ')
}
