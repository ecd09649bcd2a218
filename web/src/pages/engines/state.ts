// How an engine is, in a word and a colour.
import type { Schema } from '../../core/api'
import { whole } from '../../core/format'
import { t } from '../../core/text.svelte'
import { colour } from '../today/health'

type Engine = Schema<'Engine'>

/** Which kind of engine it is; one of the folder of models is computed like the one in the box. */
export function kindOf(e: Engine): string {
  return e.origin === 'models' ? t.engines.fromFile : (t.engines.kinds[e.kind] ?? e.kind)
}

/** What its counts are worth; those of engines that are part of Sluice are exact. */
export function labelOf(e: Engine): string {
  const label = e.probe?.label ?? (e.kind === 'embedded' || e.kind === 'simulated' ? 'exact' : '')
  return t.today.labels[label] ?? ''
}

/** The state of its process while that is not ready, or else its health. */
export function stateOf(e: Engine): string {
  const process = e.process?.status?.state
  if (process && process !== 'ready') return t.engines.states[process] ?? process
  return e.status ? (t.today.healths[e.status.health] ?? e.status.health) : t.today.absent
}

export function colourOf(e: Engine): 'good' | 'warn' | 'bad' | 'plain' {
  const process = e.process?.status?.state
  if (process === 'failed') return 'bad'
  if (process === 'starting' || process === 'draining' || process === 'stopping') return 'warn'
  if (process && process !== 'ready') return 'plain'
  return colour(e.status?.health)
}

/** Calls that it works on, of how many it takes. */
export function busy(e: Engine): string {
  if (!e.status) return '–'
  return e.status.limit ? t.today.ofLimit(whole(e.status.in_flight), whole(e.status.limit)) : whole(e.status.in_flight)
}

/** An engine's definition, as a request that changes it takes it. */
export function definition(e: Engine): Schema<'PutEngine'> {
  return {
    kind: e.kind as 'http', url: e.url, models: e.models, no_cache_salt: e.no_cache_salt, mend: e.mend, reasoning_key: e.reasoning_key as 'reasoning' | undefined,
    lacks: e.lacks_declared, driver: e.driver as 'vllm' | undefined, no_probe: e.no_probe, on_leave: e.on_leave as 'cancel', concurrent: e.concurrent,
    first_byte_timeout: e.first_byte_timeout,
  }
}

/** Models as lines: "public = own", or the name alone where the two are the same. */
export function modelLines(models: Record<string, string>): string {
  return Object.entries(models).map(([name, own]) => (own === name || !own ? name : `${name} = ${own}`)).join('\n')
}

/** The inverse of modelLines. */
export function readModels(text: string): Record<string, string> {
  return Object.fromEntries(text.split('\n').map((l) => l.trim()).filter(Boolean).map((line) => {
    const at = line.indexOf('=')
    return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]
  }))
}
