// Where the bars of a waterfall stand.
import type { Schema } from '../../core/api'

/** A bar with its place between the least and the greatest sum, from 0 to 1. */
export interface Drawn {
  bar: Schema<'Bar'>
  kind: 'sum' | 'up' | 'down'
  from: number
  to: number
}

/** The bars in their order: a total stands on nothing, a step on what came before it. */
export function drawn(bars: Schema<'Bar'>[]): Drawn[] {
  let at = 0
  const spans = bars.map((bar) => {
    const amount = Number(bar.amount) // the length of a bar, and nothing else
    const begin = bar.total ? 0 : at
    at = bar.total ? amount : at + amount
    return { bar, begin, end: at }
  })
  const low = Math.min(0, ...spans.flatMap((s) => [s.begin, s.end]))
  const high = Math.max(0, ...spans.flatMap((s) => [s.begin, s.end]))
  const place = (value: number) => (high > low ? (value - low) / (high - low) : 0)
  return spans.map(({ bar, begin, end }, i) => ({
    bar, kind: bar.total || i === 0 ? 'sum' : end >= begin ? 'up' : 'down',
    from: place(Math.min(begin, end)), to: place(Math.max(begin, end)),
  }))
}
