// Who is signed in, in which roles, and what those may do.
import { actAs, api, ask, onSessionLost, type Schema } from './api'
import { asProblem, type Problem } from './problem'
import { speak, type Language } from './text.svelte'

type Position = Schema<'Position'>

/** An organisation that the user may open. */
export interface Opened {
  id: string
  name: string
  currency: string
}

class Session {
  state = $state<'unknown' | 'out' | 'in' | 'expired'>('unknown')
  problem = $state.raw<Problem>() // why it is unknown
  self = $state.raw<Schema<'Session'>>()
  organisations = $state.raw<Opened[]>([]) // those of the user first; for the operator all others as well

  /** Asks the server who is signed in. */
  async find(): Promise<void> {
    this.problem = undefined
    try {
      const self = await ask(api.GET('/session'))
      const own = self.positions.flatMap((p) => (p.organisation ? [{ id: p.organisation, name: p.name ?? p.organisation, currency: p.currency ?? '' }] : []))
      this.self = self
      const others = this.operates ? await everybody() : []
      this.organisations = [...own, ...others.filter((o) => !own.some((mine) => mine.id === o.id))]
      if (self.user?.language && !localStorage.getItem('language')) void speak(self.user.language as Language, false)
      this.state = 'in'
    } catch (thrown) {
      const problem = asProblem(thrown)
      if (problem.status === 401) this.state = this.state === 'expired' ? 'expired' : 'out'
      else this.problem = problem
    }
  }

  /** Gets to know an organisation that the operator opens by its address. */
  async meet(id: string): Promise<void> {
    if (!this.operates || this.organisation(id)) return
    const o = await ask(api.GET('/organisations/{organisation}', { params: { path: { organisation: id } }, headers: operator }))
    this.organisations = [...this.organisations, { id: o.id, name: o.name, currency: o.currency }]
  }

  /** The organisation with the id, if the user may open it. */
  organisation(id: string | undefined): Opened | undefined {
    return this.organisations.find((o) => o.id === id)
  }

  /**
   * Whether an operation of the API, by its id, is open to the user: in the
   * organisation, or as the operator when there is none. It decides what a page
   * offers; what is allowed the server decides.
   */
  may(org: string | undefined, operation: string): boolean {
    return this.#position(org)?.operations.includes(operation) ?? false
  }

  /** The role that counts in the organisation, or as the operator. */
  role(org: string | undefined): string {
    return this.#position(org)?.role ?? ''
  }

  /** Whether the user has a role of the operator. */
  get operates(): boolean {
    return this.#position(undefined) !== undefined
  }

  /** What the user is called. */
  get name(): string {
    return this.self?.user?.name || this.self?.user?.email || this.self?.key || ''
  }

  // The position in the organisation; where there is none, the operator's.
  #position(org: string | undefined): Position | undefined {
    const all = this.self?.positions ?? []
    return (org ? all.find((p) => p.organisation === org) : undefined) ?? all.find((p) => !p.organisation && p.role)
  }

  /** The value of the header that says for whom a request of a page is made. */
  acting(path: string): string {
    const org = /^\/console\/(org_[^/]+)/.exec(path)?.[1]
    if (org && this.self?.positions.some((p) => p.organisation === org)) return org
    return this.operates ? 'operator' : ''
  }
}

const operator = { 'Sluice-Organisation': 'operator' }

// everybody is the organisations that the operator can choose from; others are
// found on the customers' page and opened by their address.
async function everybody(): Promise<Opened[]> {
  const page = await ask(api.GET('/organisations', { params: { query: { limit: 500 } }, headers: operator }))
  return page.data.map((o) => ({ id: o.id, name: o.name, currency: o.currency }))
}

export const session = new Session()

actAs(() => session.acting(location.pathname))

onSessionLost(() => {
  if (session.state !== 'in') return
  session.state = 'expired'
  // Who signs in again in another tab comes back to this one.
  const back = () => {
    if (session.state === 'expired') void session.find()
    else removeEventListener('focus', back)
  }
  addEventListener('focus', back)
})
