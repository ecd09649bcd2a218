// Versions of a plan.
import type { Schema } from '../../core/api'

type Version = Schema<'PlanVersion'>

export const cycles = ['month', 'quarter', 'year'] as const

/** The version that is sold, or else the one that comes next, or the last one. */
export function current(versions: Version[]): Version {
  const byTime = versions.toSorted((a, b) => Date.parse(b.effective_at ?? '') - Date.parse(a.effective_at ?? ''))
  return byTime.find((v) => v.in_force) ?? (byTime.at(-1) as Version)
}

/** Whether it is sold now. */
export function standingOf(v: Version): 'sold' | 'paused' | 'planned' | 'replaced' {
  if (v.in_force) return v.paused ? 'paused' : 'sold'
  return Date.parse(v.effective_at ?? '') > Date.now() ? 'planned' : 'replaced'
}

/** The shortest cycle that it is sold for, and its price. */
export function cheapest(v: Version): { cycle: string; price: string } {
  const cycle = cycles.find((c) => v.prices[c] !== undefined) ?? 'month'
  return { cycle, price: v.prices[cycle] ?? '0' }
}

/** Whether a subscription has not ended. */
export function alive(s: Schema<'Subscription'>): boolean {
  return s.status !== 'cancelled'
}
