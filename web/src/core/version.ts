// Two people change one thing: which state of it a form shows, by its entity tag.
import type { Meanwhile } from './problem'

/** The state that a form was made of. */
export class Version<T extends object> {
  #tag = ''
  readonly #known: Promise<void>

  /**
   * Asks for the thing as it is now. Where it is no longer as the form shows it,
   * which came from a list, no tag holds, and the change is refused.
   */
  constructor(read: () => Promise<{ data?: T; response: Response }>, shown: T, members: (keyof T)[]) {
    this.#known = read().then(
      ({ data, response }) => {
        const same = data !== undefined && members.every((m) => JSON.stringify(data[m]) === JSON.stringify(shown[m]))
        this.#tag = same ? (response.headers.get('ETag') ?? '') : '"another"'
      },
      () => {}, // then the change says what is wrong
    )
  }

  /** The header that goes with the change. */
  async header(): Promise<{ 'If-Match'?: string }> {
    await this.#known
    return this.#tag ? { 'If-Match': this.#tag } : {}
  }

  /** Goes on from what somebody else made of it. */
  accept(meanwhile: Meanwhile): void {
    this.#tag = meanwhile.tag
  }
}

/** A value of either version, for reading. */
export function shown(value: unknown): string {
  if (value === undefined || value === null || value === '') return '–'
  if (Array.isArray(value)) return value.map(shown).join(', ') || '–'
  if (typeof value === 'object') return Object.entries(value).filter(([, v]) => v !== 0 && v !== '').map(([name, v]) => `${name}: ${shown(v)}`).join(', ') || '–'
  return String(value)
}
