// What a plan's window says, in words.
import { short } from '../../core/format'
import { t } from '../../core/text.svelte'
import type { Schema } from '../../core/api'

/** How long a window is: 5 hours, a week, a billing period. */
export function length(w: { kind?: string; minutes?: number; months?: number; span?: string }): string {
  if (w.span) return t.plan.spans[w.span] ?? w.span
  const minutes = w.minutes ?? 0
  if (minutes === 0) return t.plan.period
  if (minutes % 10_080 === 0 && minutes / 10_080 === 1) return t.plan.spans.week ?? ''
  if (minutes % 1440 === 0) return t.plan.days(minutes / 1440)
  if (minutes % 60 === 0) return t.plan.hours(minutes / 60)
  return t.plan.minutes(minutes)
}

/** What a window allows: 80 prompts in 5 hours. */
export function allows(w: Schema<'QuotaWindow'>): string {
  return t.plan.window(short(w.limit), t.plan.units[w.unit] ?? w.unit, length(w))
}
