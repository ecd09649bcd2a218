// Numbers, money, dates and spans in the reader's language. All of them read
// the language when they are called, so a page changes with it.
import { text } from './text.svelte'

const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>()

function numbers(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = 'n' + text.locale + JSON.stringify(options)
  let format = formats.get(key) as Intl.NumberFormat | undefined
  if (!format) formats.set(key, (format = new Intl.NumberFormat(text.locale, options)))
  return format
}

function dates(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = 'd' + text.locale + JSON.stringify(options)
  let format = formats.get(key) as Intl.DateTimeFormat | undefined
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(text.locale, options)))
  return format
}

/** A whole number: 12,345. */
export function whole(n: number): string {
  return numbers({ maximumFractionDigits: 0 }).format(n)
}

/** A number in few characters: 12.3K. */
export function short(n: number): string {
  if (Math.abs(n) < 10_000) return numbers({ maximumFractionDigits: Math.abs(n) < 10 ? 2 : 0 }).format(n)
  return numbers({ notation: 'compact', maximumSignificantDigits: 3 }).format(n)
}

/** A share from 0 to 1 as a percentage. */
export function percent(share: number, digits = 0): string {
  return numbers({ style: 'percent', maximumFractionDigits: digits }).format(share)
}

/** How exactly an amount is written: `cents` rounds to two places, `exact` keeps all there are. */
export type Precision = 'cents' | 'exact'

/**
 * An amount with its currency. The decimal string is given to Intl as it is,
 * which formats it exactly. Amounts under a cent keep two digits that count.
 */
export function money(value: string, currency: string, precision: Precision = 'cents'): string {
  const decimal = value as Intl.StringNumericLiteral
  const base: Intl.NumberFormatOptions = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }
  if (precision === 'exact') return numbers({ ...base, minimumFractionDigits: 2, maximumFractionDigits: 12 }).format(decimal)
  if (/^-?0\.00\d*[1-9]/.test(value)) return numbers({ ...base, maximumSignificantDigits: 2 }).format(decimal)
  return numbers(base).format(decimal)
}

/** A date: 22 Nov 2026. */
export function day(at: Date | string): string {
  return dates({ dateStyle: 'medium' }).format(new Date(at))
}

/** A date and the time of day; the year only where it is another one. */
export function moment(at: Date | string): string {
  const date = new Date(at)
  const other = date.getFullYear() !== new Date().getFullYear()
  return dates({ day: 'numeric', month: 'short', year: other ? 'numeric' : undefined, hour: '2-digit', minute: '2-digit' }).format(date)
}

/** A date and the time of day with seconds and the time zone. */
export function instant(at: Date | string): string {
  return dates({ dateStyle: 'full', timeStyle: 'long' }).format(new Date(at))
}

/** A month: November 2026. */
export function month(at: Date | string): string {
  return dates({ month: 'long', year: 'numeric', timeZone: 'UTC' }).format(new Date(at))
}

const spans: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600], ['month', 2_629_800], ['day', 86_400], ['hour', 3600], ['minute', 60],
]

/** How far a moment is from now: 3 hours ago, in 2 days. */
export function ago(at: Date | string, now = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000
  const words = new Intl.RelativeTimeFormat(text.locale, { numeric: 'auto' })
  for (const [unit, length] of spans) {
    if (Math.abs(seconds) >= length) return words.format(Math.round(seconds / length), unit)
  }
  return words.format(Math.round(seconds), 'second')
}

/** A number of bytes: 640 B, 2.8 MiB, 17.3 GiB. */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, n)) / 10)))
  return `${numbers({ maximumFractionDigits: step === 0 ? 0 : 1 }).format(n / 1024 ** step)} ${units[step]}`
}

/** A duration in milliseconds: 240ms, 1.4s, 3min. */
export function duration(ms: number): string {
  const unit = (value: number, name: string, digits: number) =>
    numbers({ style: 'unit', unit: name, unitDisplay: 'narrow', maximumFractionDigits: digits }).format(value)
  if (ms < 1000) return unit(Math.round(ms), 'millisecond', 0)
  if (ms < 60_000) return unit(ms / 1000, 'second', ms < 10_000 ? 2 : 1)
  if (ms < 3_600_000) return unit(ms / 60_000, 'minute', 1)
  return unit(ms / 3_600_000, 'hour', 1)
}

/** Names in a sentence: a, b and c. */
export function names(of: string[]): string {
  return new Intl.ListFormat(text.locale, { type: 'conjunction' }).format(of)
}
