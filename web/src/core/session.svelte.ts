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

  /** Whether the user has one of the roles in the organisation. Who holds a role of the operator has them all. */
  has(id: string | undefined, ...roles: Role[]): boolean {
    const role = this.organisation(id)?.role
    return this.operator !== '' || (role !== undefined && roles.includes(role))
  }

  /** Whether the user has one of the operator's roles; without any named, one at all. */
  operates(...roles: Role[]): boolean {
    return this.operator !== '' && (roles.length === 0 || roles.includes(this.operator))
  }
}

export const session = new Session()

onSessionLost(() => {
  if (session.state === 'in') session.state = 'expired'
})
