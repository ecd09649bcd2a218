// Data that a page shows: loading, there, or refused. What was shown stays
// while it is asked for again.
import type { Page } from './api'
import { aborted, asProblem, type Problem } from './problem'

/** Something that is being loaded. */
export interface Loaded<T> {
  readonly data: T | undefined
  readonly problem: Problem | undefined
  readonly loading: boolean
  reload(): void
}

/**
 * Loads now and again whenever a state that `get` read before its first await
 * changes. Call it while a component is set up; its end aborts the request.
 * `every` asks again after so many milliseconds while the page is visible.
 */
export function load<T>(get: (signal: AbortSignal) => Promise<T>, every = 0): Loaded<T> {
  let data = $state.raw<T>()
  let problem = $state.raw<Problem>()
  let loading = $state(true)
  let turn = $state(0)

  $effect(() => {
    void turn
    const stop = new AbortController()
    loading = true
    get(stop.signal).then(
      (value) => {
        if (stop.signal.aborted) return
        data = value
        problem = undefined
        loading = false
      },
      (thrown: unknown) => {
        if (stop.signal.aborted || aborted(thrown)) return
        problem = asProblem(thrown)
        loading = false
      },
    )
    return () => stop.abort()
  })

  if (every > 0) {
    $effect(() => {
      const timer = setInterval(() => {
        if (document.visibilityState === 'visible' && !loading) turn++
      }, every)
      return () => clearInterval(timer)
    })
  }

  return {
    get data() { return data },
    get problem() { return problem },
    get loading() { return loading },
    reload: () => void turn++,
  }
}

/** A list that comes in pages. */
export interface Listed<T> {
  readonly items: T[]
  readonly problem: Problem | undefined
  readonly loading: boolean
  readonly done: boolean // there is no further page
  more(): void
  reload(): void
}

/** Loads a list page by page; `more` asks for the page after what is there. */
export function list<T>(get: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>): Listed<T> {
  let items = $state.raw<T[]>([])
  let next = $state.raw<string>()
  let problem = $state.raw<Problem>()
  let loading = $state(true)
  let turn = $state(0)
  let stop = new AbortController()

  async function page(cursor: string | undefined, own: AbortController): Promise<void> {
    loading = true
    try {
      const got = await get(cursor, own.signal)
      if (own.signal.aborted) return
      items = cursor === undefined ? got.data : items.concat(got.data)
      next = got.next || undefined
      problem = undefined
    } catch (thrown) {
      if (own.signal.aborted || aborted(thrown)) return
      problem = asProblem(thrown)
    }
    loading = false
  }

  $effect(() => {
    void turn
    const own = new AbortController()
    stop = own
    void page(undefined, own)
    return () => own.abort()
  })

  return {
    get items() { return items },
    get problem() { return problem },
    get loading() { return loading },
    get done() { return !loading && next === undefined },
    more() {
      if (!loading && next !== undefined) void page(next, stop)
    },
    reload: () => void turn++,
  }
}
