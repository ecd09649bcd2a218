// Who is signed in, and what they may see.
import { api, ask, onSessionLost, type Schema } from './api'
import { asProblem, type Problem } from './problem'

/** A role, of the operator or of an organisation. */
export type Role = Schema<'Me'>['role']

/** An organisation that the user may open, and the role there. */
export interface Membership {
  id: string
  name: string
  currency: string
  role: Role
}

class Session {
  state = $state<'unknown' | 'out' | 'in' | 'expired'>('unknown')
  operator = $state<Role | ''>('') // the role for the operator, if any
  name = $state('')
  organisations = $state.raw<Membership[]>([])
  problem = $state.raw<Problem>() // why it is unknown

  /** Asks the server who is signed in. */
  async find(): Promise<void> {
    this.problem = undefined
    try {
      const me = await ask(api.GET('/me'))
      const page = await ask(api.GET('/organisations', { params: { query: { limit: 1000 } } }))
      this.operator = me.organisation ? '' : me.role
      this.organisations = page.data.map((o) => ({ id: o.id, name: o.name, currency: o.currency, role: me.organisation ? me.role : 'owner' }))
      this.name = me.key ?? ''
      this.state = 'in'
    } catch (thrown) {
      const problem = asProblem(thrown)
      if (problem.status === 401) this.state = 'out'
      else this.problem = problem
    }
  }

  /** The organisation with the id, if the user may open it. */
  organisation(id: string | undefined): Membership | undefined {
    return this.organisations.find((o) => o.id === id)
  }

  /**
   * Whether an operation of the API, by its id, is open to the user: in the
   * organisation, or as the operator when there is none. It decides what a page
   * offers; what is allowed the server decides.
   */
  may(org: string | undefined, operation: string): boolean {
    if (this.operator !== '') return true
    const role = this.organisation(org)?.role
    return role === 'owner' || role === 'admin' || (role !== undefined && /^(get|list)-/.test(operation) && operation !== 'list-keys')
  }

  /** Whether the user has a role of the operator. */
  get operates(): boolean {
    return this.operator !== ''
  }
}

export const session = new Session()

onSessionLost(() => {
  if (session.state === 'in') session.state = 'expired'
})
