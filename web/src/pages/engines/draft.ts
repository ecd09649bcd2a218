// An engine while its form is filled in.
import type { Schema } from '../../core/api'
import { definition, modelLines, readModels } from './state'

export interface Draft {
  name: string
  url: string
  models: string
  secret: string
  driver: string
  concurrent: string
  firstByte: string
  onLeave: string
  noProbe: boolean
  noCacheSalt: boolean
  mend: boolean
  reasoning: boolean
  lacks: string
}

export const drivers = ['vllm', 'sglang', 'llamacpp', 'ollama', 'mindie', 'lmdeploy', 'tensorrt-llm', 'tei', 'tgi', 'generic'] as const

/** A new engine's draft, or that of one that is changed. */
export function draft(e?: Schema<'Engine'>): Draft {
  return {
    name: e?.name ?? '', url: e?.url ?? '', models: e ? modelLines(e.models) : '', secret: '', driver: e?.driver ?? '', concurrent: e?.concurrent ? String(e.concurrent) : '',
    firstByte: e?.first_byte_timeout ?? '',
    onLeave: e?.on_leave ?? 'cancel', noProbe: e?.no_probe ?? false, noCacheSalt: e?.no_cache_salt ?? false, mend: e?.mend ?? false, reasoning: !!e?.reasoning_key,
    lacks: (e?.lacks_declared ?? []).join(', '),
  }
}

/** A word of a command as a shell takes it. */
export function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** An offer's engine, under a name that is not taken, as its command would add it; undefined of one that is no address to attach. */
export function offered(offer: Schema<'Offer'>, taken: string[]): Draft | undefined {
  const words = offer.commands[0] ?? []
  if (!offer.url || words.slice(0, 3).join(' ') !== 'sluice engine add') return undefined
  const after = (flag: string) => words.flatMap((w, i) => (words[i - 1] === flag ? [w] : []))
  const wish = words[3] ?? offer.engine
  let name = wish
  for (let n = 2; taken.includes(name); n++) name = `${wish}-${n}`
  const models = after('--model').filter((m) => m !== 'NAME') // which stands for what is to be filled in
  return { ...draft(), name, url: after('--url')[0] ?? offer.url, driver: after('--driver')[0] ?? '', models: models.map((m) => m.replace('=', ' = ')).join('\n') }
}

/** Whether a text is a length of time as the server reads it, or empty. */
export function isSpan(text: string): boolean {
  return /^((\d+(\.\d+)?(ms|s|m|h))+)?$/.test(text.trim())
}

/** Whether it can be sent. */
export function ready(d: Draft, before?: Schema<'Engine'>): boolean {
  return d.name.trim() !== '' && (d.url.trim() !== '' || !!before) && Object.keys(readModels(d.models)).length > 0 && /^\d*$/.test(d.concurrent.trim()) && isSpan(d.firstByte)
}

/** The request that it asks for; of an engine that is changed, what the form does not show stays. */
export function request(d: Draft, before?: Schema<'Engine'>): Schema<'PutEngine'> {
  return {
    ...(before && definition(before)),
    url: d.url.trim() || undefined,
    models: readModels(d.models),
    secret: d.secret || undefined,
    driver: (d.driver || undefined) as 'vllm' | undefined,
    concurrent: Number(d.concurrent) || undefined,
    first_byte_timeout: d.firstByte.trim() || undefined,
    on_leave: d.onLeave as 'cancel',
    no_probe: d.noProbe || undefined,
    no_cache_salt: d.noCacheSalt || undefined,
    mend: d.mend || undefined,
    reasoning_key: d.reasoning ? 'reasoning' : undefined,
    lacks: d.lacks.trim() ? d.lacks.split(/[\s,]+/).filter(Boolean) : undefined,
  }
}
