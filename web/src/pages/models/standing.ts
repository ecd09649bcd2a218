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

/** How a file of the folder of models stands. */
export type FileStanding = 'loaded' | 'ready' | 'noPrice' | 'changing' | 'refused'

/** What became of a file: one that is served is of use once its model has a price, and is loaded when it is asked. */
export function fileStanding(f: Schema<'ModelFile'>): FileStanding {
  if (f.state !== 'served') return f.state
  if (!f.priced) return 'noPrice'
  return f.loaded ? 'loaded' : 'ready'
}

export function fileColour(f: Schema<'ModelFile'>): 'good' | 'warn' | 'bad' | 'plain' {
  return ({ loaded: 'good', ready: 'good', noPrice: 'warn', changing: 'plain', refused: 'bad' } as const)[fileStanding(f)]
}

/** A model as a request that changes it takes it. */
export function definition(m: Schema<'Model'>): Schema<'PutModel'> {
  return { description: m.description, owned_by: m.owned_by, context_length: m.context_length, aliases: m.aliases, versions: m.versions, fallbacks: m.fallbacks, shadow: m.shadow, hidden: m.hidden }
}
