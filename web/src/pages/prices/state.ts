import type { Schema } from '../../core/api'

/** Whether a book decides now, is to come, or was replaced. */
export function stateOf(book: Pick<Schema<'PriceBook'>, 'in_force' | 'effective_at'>): 'in_force' | 'planned' | 'replaced' {
  if (book.in_force) return 'in_force'
  return Date.parse(book.effective_at) > Date.now() ? 'planned' : 'replaced'
}
