// Fills a server with something to look at: an organisation, keys, calls.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sluice } from './server.mjs'

/** Asks the model in the box, and waits for its answer. */
export async function call(server, key, words = 'What is Sluice?', max = 24, model = 'tiny-chat') {
  const answer = await fetch(server.url + '/v1/chat/completions', {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: max, messages: [{ role: 'user', content: words }] }),
  })
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  return answer.json()
}

const plan = `plan: lite
name: Coding Lite
rank: 1
currency: USD
prices: {month: "3.00", quarter: "8.10"}
models: [tiny-chat]
windows:
  - {name: 5h, kind: anchored, minutes: 300, unit: prompts, limit: 50}
  - {name: week, kind: anchored, minutes: 10080, unit: prompts, limit: 400}
`

const prices = `models:
  - {name: deepseek-flash, description: DeepSeek V4.1-Flash, owned_by: deepseek}
prices:
  - currency: CNY
    zone: Asia/Shanghai
    calendars:
      - name: peak
        versions:
          - zone: Asia/Shanghai
            arcs: [Mon-Fri 09:00-12:00 14:00-18:00]
            holidays: [2026-10-01..2026-10-07]
            workdays: [2026-10-10 as Mon]
    models:
      - model: deepseek-flash
        input: 1
        cached: 0.02
        output: 4
        when:
          - {calendar: peak, input: 2, cached: 0.04, output: 8}
      - model: glm-4.6
        input: 2
        cached: 0.4
        output: 8
        tiers:
          - {from: 32000, input: 3, cached: 0.6, output: 12}
        when:
          - {batch: true, input: 1, cached: 0.2, output: 4}
      - {model: cogview-4, image: 0.06}
`

/** A company with keys, money and some calls. */
export async function fill(server) {
  const org = await sluice(server, 'org', 'create', 'Acme Research', '--currency', 'USD', '--credit', '50.00')
  await sluice(server, 'credit', '200.00', '--org', org.id, '--memo', 'wire of 3 November')
  const keys = []
  for (const name of ['billing bot, production', 'support chat', 'nightly evaluation']) {
    keys.push(await sluice(server, 'key', 'create', '--org', org.id, '--name', name))
  }
  const questions = ['What is Sluice?', 'Who pays for a token?', 'Hello!', 'What is a price book?', 'Tell me a story about a river.']
  for (const [i, question] of questions.entries()) {
    for (const key of keys.slice(0, 1 + (i % 3))) await call(server, key.key, question)
  }
  return {
    org: org.id,
    keys,
    /** Two models of a simulated engine, with prices and calls. */
    async models() {
      await sluice(server, 'engine', 'add', 'h100', '--url', 'sim:h100?seed=1', '--model', 'glm-4.6', '--model', 'deepseek-v3.2')
      await sluice(server, 'model', 'price', 'glm-4.6', '--input', '0.60', '--cached', '0.11', '--output', '2.20', '--currency', 'USD')
      await sluice(server, 'model', 'price', 'deepseek-v3.2', '--input', '0.28', '--cached', '0.03', '--output', '0.42', '--currency', 'USD')
      await sluice(server, 'model', 'add', 'glm', '--description', 'GLM, whichever is the newest', '--version', 'glm-4.6=90', '--version', 'deepseek-v3.2=10', '--fallback', 'tiny-chat')
      const text = 'The river carries what it is given. '.repeat(1500)
      await Promise.all(Array.from({ length: 12 }, (_, i) => call(server, keys[i % 3].key, `${i % 4} ${text}`, 300, i % 3 ? 'glm-4.6' : 'deepseek-v3.2')))
    },
    /** A second price list, with hours, lengths and images. */
    async prices() {
      const file = join(server.data, 'prices.yaml')
      await writeFile(file, prices)
      await sluice(server, 'apply', '-f', file)
    },
    /** A subscription, budgets, projects, limits and a webhook, to look at. */
    async more() {
      await sluice(server, 'subscription', 'create', 'lite', '--org', org.id)
      await sluice(server, 'budget', 'set', '250.00', '--org', org.id, '--name', 'Company, November', '--hard')
      await sluice(server, 'budget', 'set', '10.00', '--org', org.id, '--name', 'Daily warning', '--period', 'day')
      const project = await sluice(server, 'project', 'create', 'Website', '--org', org.id, '--rpm', '600', '--concurrent', '20')
      const key = await sluice(server, 'key', 'create', '--org', org.id, '--name', 'website search', '--project', project.id, '--rpm', '120', '--cap', '25.00')
      for (const question of ['Hello!', 'What is a token?', 'Who are you?']) await call(server, key.key, question)
      await sluice(server, 'webhook', 'add', 'https://hooks.example.com/sluice', '--org', org.id, '--events', 'batch.*,budget.*')
    },
    /** Publishes a plan that the organisation can subscribe to. */
    async plan() {
      const file = join(server.data, 'plan.yaml')
      await writeFile(file, plan)
      await sluice(server, 'plan', 'publish', file)
    },
  }
}
