import { session } from '../core/session.svelte'

/** Ends the session and shows the way in. */
export async function signOut(): Promise<void> {
  sessionStorage.removeItem('key')
  session.state = 'out'
}
