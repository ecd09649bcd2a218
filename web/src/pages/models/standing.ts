import type { Schema } from '../../core/api'

/** What keeps a model from being sold, or nothing. */
export type Standing = 'sold' | 'hidden' | 'noPrice' | 'noEngine'

/** How a model stands. One that stands for others needs no price and no engine of its own. */
export function standing(m: Schema<'Model'>, engines: Schema<'Engine'>[], priced: boolean): Standing {
  const split = !!m.versions?.length
  if (!split && engines.length === 0) return 'noEngine'
  if (!split && !priced) return 'noPrice'
  return m.hidden ? 'hidden' : 'sold'
}

/** A model as a request that changes it takes it. */
export function definition(m: Schema<'Model'>): Schema<'PutModel'> {
  return { description: m.description, owned_by: m.owned_by, context_length: m.context_length, aliases: m.aliases, versions: m.versions, fallbacks: m.fallbacks, shadow: m.shadow, hidden: m.hidden }
}
