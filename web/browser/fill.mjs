// Fills a server with something to look at: organisations, keys, calls.
import { sluice } from './server.mjs'

/** Asks the model in the box, and waits for its answer. */
export async function call(server, key, words = 'What is Sluice?', max = 24) {
  const answer = await fetch(server.url + '/v1/chat/completions', {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'tiny-chat', max_tokens: max, messages: [{ role: 'user', content: words }] }),
  })
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  return answer.json()
}

/** A company with keys, projects, money and some calls. Returns its id and a key of its administrator. */
export async function fill(server) {
  const org = await sluice(server, 'org', 'create', 'Acme Research', '--currency', 'USD', '--credit', '250.00')
  const admin = await sluice(server, 'key', 'create', '--org', org.id, '--name', 'console', '--role', 'admin')
  const made = []
  for (const name of ['billing bot, production', 'support chat', 'nightly evaluation']) {
    made.push(await sluice(server, 'key', 'create', '--org', org.id, '--name', name))
  }
  const questions = ['What is Sluice?', 'Who pays for a token?', 'Hello!', 'What is a price book?', 'Tell me a story about a river.']
  for (const [i, question] of questions.entries()) {
    for (const key of made.slice(0, 1 + (i % 3))) await call(server, key.key, question)
  }
  return { org: org.id, admin: admin.key, keys: made }
}
