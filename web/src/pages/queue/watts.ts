import { text } from '../../core/text.svelte'

/** Watts as kilowatts: 12.4 kW. */
export function kilowatts(watts: number): string {
  return new Intl.NumberFormat(text.locale, { maximumFractionDigits: watts < 10_000 ? 2 : 1 }).format(watts / 1000) + ' kW'
}
