// Which days and which currency the operator's books are looked at for; they
// stand in the address.
import { router } from '../../core/router.svelte'
import { session } from '../../core/session.svelte'

/** A day so many days from another, such as 2026-11-21. */
export function shifted(day: string, days: number): string {
  return new Date(Date.parse(day + 'T00:00:00Z') + days * 86_400_000).toISOString().slice(0, 10)
}

/** The day before today, in UTC. */
export function yesterday(): string {
  return shifted(new Date().toISOString().slice(0, 10), -1)
}

/** Whether a text is a day. */
export function isDay(text: string | null | undefined): text is string {
  return /^\d{4}-\d{2}-\d{2}$/.test(text ?? '') && !Number.isNaN(Date.parse(text + 'T00:00:00Z'))
}

/** The first day that is looked at. */
export function firstDay(): string {
  const day = router.query.get('day')
  return isDay(day) ? day : yesterday()
}

/** The last of several days; empty for one. */
export function lastDay(): string {
  const through = router.query.get('through')
  return isDay(through) && through > firstDay() ? through : ''
}

/** The currencies that customers have. */
export function currencies(): string[] {
  return [...new Set(session.organisations.map((o) => o.currency).filter(Boolean))].sort()
}

/** The currency that is looked at. */
export function currency(): string {
  const all = currencies()
  const wanted = router.query.get('currency') ?? ''
  return all.includes(wanted) ? wanted : (all.includes('USD') ? 'USD' : (all[0] ?? 'USD'))
}
