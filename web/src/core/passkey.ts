// Passkeys: what the browser answers to a challenge of the server.

interface Challenge {
  offer: string
  options: Record<string, unknown>
}

/** What the server is sent: the offer, and what PublicKeyCredential.toJSON gives. */
export interface Answered {
  offer: string
  credential: Record<string, unknown>
}

/** Whether the browser has passkeys on this address. */
export function able(): boolean {
  return isSecureContext && 'PublicKeyCredential' in window && 'parseCreationOptionsFromJSON' in PublicKeyCredential
}

/** Makes a passkey; undefined when the person changed their mind. */
export function make(challenge: Challenge): Promise<Answered | undefined> {
  return answered(challenge, () => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(challenge.options as never) }))
}

/** Proves with a passkey who it is; undefined when the person changed their mind. */
export function prove(challenge: Challenge): Promise<Answered | undefined> {
  return answered(challenge, () => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(challenge.options as never) }))
}

async function answered(challenge: Challenge, ask: () => Promise<Credential | null>): Promise<Answered | undefined> {
  try {
    const credential = (await ask()) as PublicKeyCredential | null
    return credential ? { offer: challenge.offer, credential: credential.toJSON() } : undefined
  } catch (thrown) {
    if (thrown instanceof DOMException && ['NotAllowedError', 'AbortError'].includes(thrown.name)) return undefined
    throw thrown
  }
}
