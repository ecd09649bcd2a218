// What is asked of the books: the form as the body of a question.
import { amount, pico } from '../../core/amount'
import type { Schema } from '../../core/api'

/** The form. Percentages and ratios are as typed; what is empty stays as it was. */
export interface Form {
  prices: '' | 'scaled' | 'book' // as they are, all by a factor, or those of a published book
  percent: string // of the present prices
  book: string
  plan: string
  hitRate: string // percent
  elasticity: string
  hourCost: string // percent of what an hour cost
  follows: string // percent of the cost
  from: string // a model whose calls go
  to: string // to another,
  moved: string // so many percent of them
}

/** A form in which nothing is changed. */
export function unchanged(): Form {
  return { prices: '', percent: '90', book: '', plan: '', hitRate: '', elasticity: '', hourCost: '', follows: '', from: '', to: '', moved: '100' }
}

/** A decimal number that was typed, within bounds; undefined when it does not fit. */
export function number(typed: string, min: number, max: number): number | undefined {
  const n = Number(typed.trim())
  return typed.trim() !== '' && Number.isFinite(n) && n >= min && n <= max ? n : undefined
}

/** The fields that do not fit. */
export function faults(f: Form): (keyof Form)[] {
  const wrong: (keyof Form)[] = []
  const check = (name: keyof Form, min: number, max: number, needed = false) => {
    if ((f[name] !== '' || needed) && number(f[name], min, max) === undefined) wrong.push(name)
  }
  if (f.prices === 'scaled') check('percent', 0, 1000, true)
  if (f.prices === 'book' && !f.book) wrong.push('book')
  check('hitRate', 0, 100)
  check('elasticity', -20, 0)
  check('hourCost', 0, 10_000)
  check('follows', 0, 100)
  if (f.from && f.to) check('moved', 1, 100, true)
  return wrong
}

const hundredth = (typed: string) => amount(pico(decimal(typed)) / 100n)
const decimal = (typed: string) => typed.trim().replace(/^(-?)\./, '$10.').replace(/\.$/, '')

/** The body. The form must have no faults; `now` is the book in force, for scaled prices. */
export function question(f: Form, days: { day: string; through?: string; currency: string }, now: Schema<'PriceBook'> | undefined): Schema<'AskWhatIf'> {
  const out: Schema<'AskWhatIf'> = { ...days }
  if (f.prices === 'book') out.price_book = f.book
  if (f.prices === 'scaled' && now) {
    const percent = pico(decimal(f.percent))
    out.prices = { currency: now.currency, zone: now.zone, calendars: now.calendars, models: now.models.map((m) => scaled(m, percent)) }
  }
  if (f.plan) out.plan = f.plan
  if (f.hitRate) out.hit_rate = hundredth(f.hitRate)
  if (f.elasticity) out.elasticity = decimal(f.elasticity)
  if (f.hourCost) out.hour_cost = hundredth(f.hourCost)
  if (f.follows) out.cost_follows = hundredth(f.follows)
  if (f.from && f.to) out.moves = [{ from: f.from, to: f.to, percent: Math.round(Number(f.moved)) }]
  return out
}

const classes = new Set(['input', 'cached', 'cache_write', 'cache_write_1h', 'cache_storage', 'output', 'reasoning', 'character', 'megapixel', 'image', 'second', 'video_second', 'search', 'call', 'minimum', 'price'])

/** Prices times a percentage, in units of 1e-12, wherever they stand; each is rounded to a millionth, as prices are written. */
export function scaled<T>(value: T, percent: bigint): T {
  if (Array.isArray(value)) return value.map((one) => scaled(one, percent)) as T
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, classes.has(name) && typeof one === 'string' ? price(one, percent) : scaled(one, percent)]),
  ) as T
}

const hundred = 100n * 10n ** 12n
const millionth = 10n ** 6n

function price(text: string, percent: bigint): string {
  const exact = pico(text) * percent
  const unit = hundred * millionth
  return amount(((exact + unit / 2n) / unit) * millionth)
}
