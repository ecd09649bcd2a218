// A price list as lines that people read.
import { pico } from '../../core/amount'
import type { Schema } from '../../core/api'
import { short, whole } from '../../core/format'
import { t } from '../../core/text.svelte'

export type PriceList = Schema<'PriceList'>
export type ModelPrices = Schema<'ModelPrices'>

/** Classes that are priced by the million tokens, as a table has its columns. */
export const tokenClasses = ['input', 'cached', 'cache_write', 'cache_write_1h', 'output', 'reasoning'] as const

/** The other classes: units of their own. */
export const unitClasses = ['image', 'second', 'video_second', 'character', 'megapixel', 'search', 'call', 'minimum', 'cache_storage'] as const

export const classes = [...tokenClasses, ...unitClasses]

/** The name of a class. */
export type ClassName = (typeof classes)[number]

/** Prices by class. */
export type ClassPrices = Partial<Record<ClassName, string>>

/** The class whose price counts where one has none of its own. */
export const stands: Partial<Record<ClassName, ClassName>> = { cached: 'input', cache_write: 'input', cache_write_1h: 'cache_write', reasoning: 'output' }

/** What a class costs by another's price, where it has none of its own. */
export function inherited(prices: ClassPrices, name: ClassName): string | undefined {
  const other = stands[name]
  return other && (prices[other] ?? inherited(prices, other))
}

/**
 * A model's prices without those that say what another class's say, wherever the
 * two stand. A published book has them all; in a list they follow the other where
 * they are left out.
 */
export function plain(m: ModelPrices): ModelPrices {
  const all: ClassPrices[] = [m, ...(m.tiers ?? []), ...(m.when ?? []).flatMap((w) => [w, ...(w.tiers ?? [])])]
  const same = (p: ClassPrices, c: ClassName) => p[c] === inherited({ ...p, [c]: undefined }, c)
  const follow = (Object.keys(stands) as ClassName[]).reverse().filter((c) => all.every((p) => same(p, c)))
  const without = <T extends ClassPrices>(p: T): T => {
    const rest = { ...p }
    for (const c of follow) delete rest[c]
    return rest
  }
  return { ...without(m), tiers: m.tiers?.map(without), when: m.when?.map((w) => ({ ...without(w), tiers: w.tiers?.map(without) })) }
}

/** Prices of units, in words: "Image 0.06". */
export function unitsOf(prices: ClassPrices): string {
  return unitClasses.filter((c) => prices[c] !== undefined).map((c) => `${t.prices.classes[c]} ${prices[c]}`).join(' · ')
}

/** Whether a text is a price: a decimal without a sign. */
export function isPrice(value: string): boolean {
  return /^\d{1,12}(\.\d{1,12})?$/.test(value)
}

/** One line of a model in a table: its own prices, or those under a condition. */
export interface Line {
  words: string // of the condition; empty of the model's own
  prices: ClassPrices
}

/** The lines of a model: its own prices, those by length, under conditions, and by volume. */
export function linesOf(m: ModelPrices): Line[] {
  const all: Line[] = []
  if (classes.some((c) => m[c] !== undefined)) all.push({ words: '', prices: m })
  for (const tier of m.tiers ?? []) all.push({ words: length(tier), prices: tier })
  for (const when of m.when ?? []) {
    const words = condition(when)
    if (classes.some((c) => when[c] !== undefined)) all.push({ words, prices: when })
    for (const tier of when.tiers ?? []) all.push({ words: `${words}, ${length(tier)}`, prices: tier })
  }
  for (const steps of m.steps ?? []) {
    for (const step of steps.steps) all.push({ words: volume(steps, step.from), prices: { [steps.class]: step.price } })
  }
  return all
}

/** From which lengths on: "prompts from 32K tokens". */
export function length(tier: { from: number; output_from?: number }): string {
  return [tier.from || !tier.output_from ? t.prices.fromPrompt(short(tier.from)) : '', tier.output_from ? t.prices.fromOutput(short(tier.output_from)) : ''].filter(Boolean).join(', ')
}

/** Under which conditions: "in peak, batch". */
export function condition(when: Schema<'PriceWhen'>): string {
  return [when.calendar && t.prices.during(when.calendar), when.batch && t.prices.batch, when.service_tier && t.prices.tier(when.service_tier), when.thinking && t.prices.thinking].filter(Boolean).join(', ')
}

/** From which volume on: "input, from 1M a month". */
export function volume(steps: Schema<'PriceSteps'>, from: number): string {
  const name = t.prices.classes[steps.class] ?? steps.class
  return steps.period === 'day' ? t.prices.aDay(name, short(from)) : t.prices.aMonth(name, short(from))
}

/** What a change of a price is about, besides its model. */
export function subject(c: Schema<'PriceChange'>): string {
  if (c.note) return c.note
  return [
    t.prices.classes[c.class ?? ''] ?? c.class,
    c.when,
    c.from ? t.prices.fromPrompt(whole(c.from)) : '',
    c.output_from ? t.prices.fromOutput(whole(c.output_from)) : '',
    c.volume_from ? t.prices.fromVolume(whole(c.volume_from)) : '',
  ].filter(Boolean).join(', ')
}

/** By how much a price changes, as a share: 0.1 for ten percent more. */
export function change(before: string, after: string): number | undefined {
  const was = pico(before)
  return was === 0n ? undefined : Number(((pico(after) - was) * 1_000_000n) / was) / 1_000_000
}

/** A list without what is empty, as the API takes it. */
export function tidy(list: PriceList): PriceList {
  return {
    currency: list.currency,
    effective_at: list.effective_at || undefined,
    zone: list.zone || undefined,
    calendars: list.calendars?.length ? list.calendars : undefined,
    models: list.models,
  }
}
