// The management API, typed by the checked-in OpenAPI document. Every call
// goes through `ask`, which throws a Problem for whatever is not a success.
import createClient, { type Middleware } from 'openapi-fetch'
import type { components, paths } from '../api'
import { Problem, problemOf } from './problem'

/** A schema of the API by its name: `Schema<'Key'>`. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name]

/** A part of a list, with the cursor of the part after it. */
export interface Page<T> {
  data: T[]
  next?: string
}

/** The typed client: `api.GET('/keys', { params: { query } })`. */
export const api = createClient<paths>({ baseUrl: '/api/v1', credentials: 'same-origin', fetch: send })

let prove: () => Promise<boolean> = () => Promise.resolve(false)
let lost: () => void = () => {}
let position: () => string = () => ''

/** Says what is to happen when the server no longer knows who asks. */
export function onSessionLost(act: () => void): void {
  lost = act
}

/** Says how the user is asked to prove to be it; true lets the request be made again. */
export function onProofRequired(ask: () => Promise<boolean>): void {
  prove = ask
}

// send makes a request, and again after a proof where the server asks for one.
async function send(request: Request): Promise<Response> {
  const again = request.clone()
  const response = await reach(request)
  if (response.status !== 403 || (await problemOf(response.clone())).code !== 'proof_required') return response
  return (await prove()) ? reach(again) : response
}

// reach is fetch with a Problem where no answer comes.
async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request)
  } catch (thrown) {
    throw thrown instanceof TypeError ? new Problem('', 'offline') : thrown
  }
}

/** Says for whom requests are made: the id of an organisation, `operator`, or nothing. */
export function actAs(name: () => string): void {
  position = name
}

/** The headers of every request: those that show that no other site made it, and for whom it is. */
export function headers(): Record<string, string> {
  const acting = position()
  return { 'Sluice-Csrf': '1', ...(acting && { 'Sluice-Organisation': acting }) }
}

const problems: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(headers())) {
      if (!request.headers.has(name)) request.headers.set(name, value)
    }
    return request
  },
  async onResponse({ response }) {
    if (response.ok) return undefined
    if (response.status === 401) lost()
    throw await problemOf(response)
  },
}
api.use(problems)

/** Awaits a call of the client and returns its body, or throws a Problem. */
export async function ask<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T
}

/** A key that makes a request safe to send twice: one for each intention, not for each attempt. */
export function idempotencyKey(): string {
  return crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}
