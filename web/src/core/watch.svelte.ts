// Data that the server tells again and again, as server-sent events.
import type { Loaded } from './load.svelte'
import { asProblem, type Problem } from './problem'

/**
 * Begins with what `get` answers and goes on with each event of the name from
 * the address. A stream that breaks off is taken up again by the browser; when
 * it says no, `get` tells why.
 */
export function watch<T>(get: (signal: AbortSignal) => Promise<T>, address: string, event: string): Loaded<T> & { readonly live: boolean } {
  let data = $state.raw<T>()
  let problem = $state.raw<Problem>()
  let loading = $state(true)
  let live = $state(false)
  let turn = $state(0)

  $effect(() => {
    void turn
    const stop = new AbortController()
    const ask = () =>
      get(stop.signal).then(
        (value) => { data = value; problem = undefined; loading = false },
        (thrown: unknown) => { if (!stop.signal.aborted) { problem = asProblem(thrown); loading = false } },
      )
    void ask()
    const source = new EventSource(address)
    source.addEventListener(event, (message) => {
      data = JSON.parse(message.data as string) as T
      problem = undefined
      loading = false
      live = true
    })
    source.onerror = () => {
      live = false
      if (source.readyState === EventSource.CLOSED) void ask()
    }
    return () => {
      stop.abort()
      source.close()
    }
  })

  return {
    get data() { return data },
    get problem() { return problem },
    get loading() { return loading },
    get live() { return live },
    reload: () => void turn++,
  }
}
