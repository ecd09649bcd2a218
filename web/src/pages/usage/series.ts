// Usage by hour or day as what a chart draws.
import { amount, pico, sum } from '../../core/amount'
import type { Schema } from '../../core/api'
import type { Series } from '../../ui/Chart.svelte'

/** What the chart shows. */
export type Figure = 'cost' | 'tokens' | 'calls'

type Usage = Schema<'UsageSeries'>
type Figures = Pick<Schema<'UsagePoint'>, 'tokens' | 'charges' | 'calls' | 'requests'>

/** All tokens of a prompt: fresh, cached, and written to the cache. */
export function promptTokens(f: Pick<Figures, 'tokens'>): number {
  return f.tokens.input + f.tokens.cached + f.tokens.cache_write + (f.tokens.cache_write_1h ?? 0)
}

/** All tokens of a completion. */
export function completionTokens(f: Pick<Figures, 'tokens'>): number {
  return f.tokens.output + f.tokens.reasoning
}

/** What was billed in a currency, less what was given back. */
export function billed(f: Pick<Figures, 'charges'>, currency: string): string {
  return sum(f.charges.filter((c) => c.currency === currency).map((c) => amount(pico(c.charge) - pico(c.refund))))
}

/** The time that each bar begins at, in seconds: all of them, also those without requests. */
export function times(usage: Usage): number[] {
  const step = usage.step === 'hour' ? 3600 : 86_400
  const first = Math.floor(Date.parse(usage.since) / 1000 / step) * step
  const end = Date.parse(usage.until) / 1000
  return Array.from({ length: Math.min(1000, Math.max(1, Math.ceil((end - first) / step))) }, (_, i) => first + i * step)
}

/** A series for each of the largest groups, at most six: the last takes up the others. */
export function series(usage: Usage, figure: Figure, currency: string, name: (group: Schema<'UsageGroup'>) => string, rest: string): Series[] {
  const at = times(usage)
  const place = new Map(at.map((time, i) => [time, i]))
  const most = 6
  const alone = usage.groups.length > most ? most - 1 : usage.groups.length
  const shown = usage.groups.slice(0, alone)
  const rows = [...shown.map(name), ...(alone < usage.groups.length ? [rest] : [])].map((of) => ({ name: of, pico: at.map(() => 0n), count: at.map(() => 0) }))
  for (const point of usage.data) {
    const group = shown.findIndex((g) => g.name === point.name && !!g.others === !!point.others)
    const row = rows[group < 0 ? rows.length - 1 : group]
    const i = place.get(Date.parse(point.start) / 1000)
    if (!row || i === undefined) continue
    row.pico[i] = (row.pico[i] ?? 0n) + pico(billed(point, currency))
    row.count[i] = (row.count[i] ?? 0) + (figure === 'calls' ? point.requests : promptTokens(point) + completionTokens(point))
  }
  return rows.map((row) =>
    figure === 'cost'
      ? { name: row.name, values: row.pico.map((p) => Number(p) / 1e12), exact: row.pico.map(amount) }
      : { name: row.name, values: row.count },
  )
}
