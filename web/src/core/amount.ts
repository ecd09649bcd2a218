// Amounts of money are decimal strings, as the API writes them. They are
// compared and added as integers of 1e-12 and are never a float; what a chart
// draws is a length of pixels, and only that.

const places = 12

/** An amount in units of 1e-12 of the currency. Throws where the text is no decimal number. */
export function pico(amount: string): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(amount.trim())
  if (!parts) throw new RangeError(`not an amount: ${amount}`)
  const value = BigInt(parts[2] + (parts[3] ?? '').padEnd(places, '0'))
  return parts[1] ? -value : value
}

/** The decimal string of units of 1e-12, without zeros at its end. */
export function amount(value: bigint): string {
  const negative = value < 0n
  const digits = (negative ? -value : value).toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  return (negative ? '-' : '') + digits.slice(0, -places) + (fraction && '.' + fraction)
}

/** The exact sum. */
export function sum(amounts: string[]): string {
  return amount(amounts.reduce((all, a) => all + pico(a), 0n))
}

/** Less than zero, zero, or more, as a is less than b, equal, or more. */
export function compare(a: string, b: string): number {
  const d = pico(a) - pico(b)
  return d < 0n ? -1 : d > 0n ? 1 : 0
}

/** How much of whole a part is, from 0 to 1, to a millionth: for meters. */
export function share(part: string, whole: string): number {
  const all = pico(whole)
  if (all <= 0n) return 0
  const millionths = (pico(part) * 1_000_000n) / all
  return Math.min(1, Math.max(0, Number(millionths) / 1_000_000))
}

/** Whether people may type it as an amount: digits with at most the given places after the point. */
export function typed(value: string, decimals = 2): boolean {
  return new RegExp(`^\\d{1,12}(\\.\\d{1,${decimals}})?$`).test(value.trim())
}
