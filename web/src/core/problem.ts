// What went wrong, as the management API says it (RFC 9457), and what the
// console itself finds: `offline` when no answer came.

/** One field that does not fit, as a problem names it. */
export interface Fault {
  location?: string
  message?: string
}

/** What somebody else changed of a thing after it was read. */
export interface Meanwhile {
  changed: string[] // the members that differ
  current: Record<string, unknown> // what it is now
  tag: string // the entity tag of that
}

/** Why a request was refused. `message` is for people, `code` for programs. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly status = 0,
    readonly param = '',
    readonly faults: Fault[] = [],
    readonly retryAfter = 0, // seconds
    readonly meanwhile: Meanwhile | undefined = undefined, // of a change that came too late
  ) {
    super(message)
    this.name = 'Problem'
  }
}

/** Reads a refusal's body. */
export async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get('Retry-After') ?? 0) || 0
  try {
    const body = await response.json()
    // The management API's form, and the form of errors under /v1.
    const said = body.error ?? body
    return new Problem(
      said.detail ?? said.message ?? response.statusText,
      said.code ?? said.type ?? 'unknown',
      response.status,
      said.param ?? '',
      said.errors ?? [],
      retryAfter,
      said.code === 'changed' && said.current ? { changed: said.changed ?? [], current: said.current, tag: response.headers.get('ETag') ?? '' } : undefined,
    )
  } catch {
    return new Problem(response.statusText || `HTTP ${response.status}`, 'unknown', response.status, '', [], retryAfter)
  }
}

/** Any thrown value as a Problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown
  return new Problem(thrown instanceof Error ? thrown.message : String(thrown), 'internal')
}

/** Whether the value is what an aborted request throws. */
export function aborted(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'AbortError'
}
