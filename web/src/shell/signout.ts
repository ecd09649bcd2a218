import { api, ask } from '../core/api'
import { toasts } from '../core/toast.svelte'

/** Ends the session and shows the way in. */
export async function signOut(): Promise<void> {
  try {
    await ask(api.DELETE('/session'))
    location.assign('/signin')
  } catch (thrown) {
    toasts.bad(thrown)
  }
}
