// Signing in with a passkey: the one thing on these pages that needs a script.
// The button is hidden until it is known that the browser has passkeys.
const button = document.getElementById('passkey')
const fault = document.getElementById('passkey-fault')

const post = async (path, body) => {
  const response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: body ?? '' })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error)
  return answer
}

const signIn = async () => {
  fault.hidden = true
  try {
    const { options } = await post('/signin/passkey/begin')
    const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
    const next = encodeURIComponent(button.dataset.next)
    location.assign((await post(`/signin/passkey?next=${next}`, JSON.stringify(credential.toJSON()))).next)
  } catch (error) {
    if (error.name === 'NotAllowedError' || error.name === 'AbortError') return // the person changed their mind
    fault.textContent = error.message
    fault.hidden = false
  }
}

if (button && window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  document.getElementById('passkey-way').hidden = false
  button.addEventListener('click', signIn)
}
