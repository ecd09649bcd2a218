// The periods that are reported: whole months, quarters or years, the present one up to yesterday.

/** How long a period is. */
export type Length = 'month' | 'quarter' | 'year'

/** A period as it is asked for. */
export interface Period {
  name: string
  day: string
  through: string
}

const text = (at: Date) => at.toISOString().slice(0, 10)

/** The last periods up to yesterday, the first first: six months, six quarters or three years. */
export function periods(length: Length, now: Date): Period[] {
  const months = { month: 1, quarter: 3, year: 12 }[length]
  const count = length === 'year' ? 3 : 6
  const last = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() - 1)) // yesterday
  const first = Math.floor(last.getUTCMonth() / months) * months
  const all: Period[] = []
  for (let i = count - 1; i >= 0; i--) {
    const begin = new Date(Date.UTC(last.getUTCFullYear(), first - i * months, 1))
    const end = new Date(Date.UTC(begin.getUTCFullYear(), begin.getUTCMonth() + months, 0))
    const year = begin.getUTCFullYear()
    const name = length === 'year' ? String(year) : length === 'month' ? text(begin).slice(0, 7) : `${year} Q${begin.getUTCMonth() / 3 + 1}`
    all.push({ name, day: text(begin), through: text(end < last ? end : last) })
  }
  return all
}
