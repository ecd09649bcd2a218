// The playground, in a real Chromium against the real binary.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after } from 'node:test'
import { engine } from './engine.mjs'
import { sluice } from './server.mjs'
import { setUp } from './signin.mjs'
import { stage } from './stage.mjs'

let trial, fake
const { server, journey } = stage()
after(() => fake?.stop())

const page_ = (query = '') => `${server.url}/console/${trial.id}/playground${query}`

journey('from the first-run link to an answer in the playground, with its cost', async (page, t) => {
  await setUp(page, server)
  await t.keep()
  await page.getByRole('link', { name: 'Playground' }).click()
  await page.getByRole('button', { name: 'What is Sluice, in two sentences?' }).click()
  const cost = page.getByRole('article').getByText(/^\$0\.\d*[1-9]/)
  await cost.waitFor()
  console.log(`from starting the server to a signed-in console with an answer and its cost in the playground: ${((performance.now() - server.begun) / 1000).toFixed(1)} s`)
  assert.ok((await page.getByRole('article').locator('.markdown').innerText()).length > 10)
  for (const figure of ['First token', 'Speed', 'Tokens']) await page.getByRole('article').getByText(figure, { exact: true }).waitFor()
  const shown = Number((await cost.getAttribute('title')).replace('$', ''))
  const found = await sluice(server, 'org', 'list')
  trial = found.data?.[0] ?? found[0] ?? found
  const calls = await sluice(server, 'usage', '--org', trial.id, '--calls').catch(() => undefined)
  if (calls) assert.ok(JSON.stringify(calls).includes(String(shown)), `${shown} is not in ${JSON.stringify(calls).slice(0, 300)}`)
})

journey('two models side by side: reasoning, tools and their results, images, a schema', async (page) => {
  fake = await engine((body) => {
    const last = body.messages.at(-1)
    if (last.role === 'tool') return [{ content: 'It is sunny: ' }, { content: last.content }]
    if (!body.tools) return [{ reasoning_content: 'A thought.' }, { content: '{"seen": ' }, { content: `${JSON.stringify(last.content).includes('data:image/png') }}` }]
    const calls = [{ tool_calls: [{ index: 0, id: 'call_w', type: 'function', function: { name: 'get_weather', arguments: '{"city":' } }] }, { tool_calls: [{ index: 0, function: { arguments: ' "Pau"}' } }] }]
    calls.calls = true
    return calls
  })
  await sluice(server, 'engine', 'add', 'fake', '--url', fake.url, '--model', 'fake-chat', '--no-probe')
  await sluice(server, 'model', 'price', 'fake-chat', '--input', '1.00', '--cached', '0.10', '--output', '2.00', '--currency', 'USD')
  await page.goto(page_('?models=fake-chat,fake-chat'))
  await page.getByLabel('System prompt').fill('Be brief.')
  await page.getByLabel('temperature').fill('0.2')
  await page.getByLabel('Thinking').selectOption('on')
  await page.getByLabel('Form of the answer').selectOption('json_schema')
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
  await page.locator('input[type=file]').setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: png })
  await page.getByText('dot.png').waitFor()
  await page.getByRole('textbox', { name: 'Question' }).fill('What is this?')
  await page.keyboard.press('Enter')
  await page.getByText('{"seen": true}').nth(1).waitFor()
  // 12 fresh at 1, 8 cached at 0.1 and 10 written at 2 a million.
  await page.getByRole('article').nth(1).getByTitle('$0.0000328', { exact: true }).waitFor()
  await page.getByText('Reasoning', { exact: true }).first().click()
  await page.getByText('A thought.').first().waitFor()
  const [asked] = fake.asked
  assert.equal(asked.temperature, 0.2)
  assert.deepEqual(asked.messages[0], { role: 'system', content: 'Be brief.' })
  assert.equal(asked.response_format.json_schema.schema.type, 'object')
  assert.equal(asked.chat_template_kwargs.enable_thinking, true)

  await page.getByRole('button', { name: 'Begin anew' }).click()
  await page.getByLabel('Form of the answer').selectOption('text')
  await page.getByRole('button', { name: 'Add a tool' }).click()
  await page.getByLabel('Name of the function').fill('get_weather')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByRole('textbox', { name: 'Question' }).fill('How is it in Pau?')
  await page.keyboard.press('Enter')
  const columns = page.getByRole('region', { name: /^Model \d/ })
  await columns.nth(1).getByText('"city": "Pau"').waitFor()
  await page.getByText('A model waits for the results of its tools.').waitFor()
  for (const i of [0, 1]) {
    await columns.nth(i).getByLabel('Result of get_weather').fill(`{"sun": ${i}}`)
    await columns.nth(i).getByRole('button', { name: 'Give the results' }).click()
    await columns.nth(i).getByText(`It is sunny: {"sun": ${i}}`).waitFor()
  }
  const after_ = fake.asked.at(-1).messages
  assert.deepEqual(after_.map((m) => m.role), ['system', 'user', 'assistant', 'tool'])
  assert.equal(after_[3].tool_call_id, after_[2].tool_calls[0].id)
})

journey('an answer is stopped, and what had come is billed', async (page) => {
  const before_ = fake.asked.length
  await fake.stop()
  let go
  const waiting = new Promise((done) => (go = done))
  fake = await engine(async function* () {
    for (let i = 0; i < 5; i++) yield { content: `word${i} ` }
    await waiting
  })
  assert.ok(before_ > 0)
  await sluice(server, 'engine', 'add', 'slow', '--url', fake.url, '--model', 'slow-chat', '--no-probe')
  await sluice(server, 'model', 'price', 'slow-chat', '--input', '1.00', '--output', '2.00', '--currency', 'USD')
  await page.goto(page_('?models=slow-chat'))
  await page.getByRole('textbox', { name: 'Question' }).fill('Count.')
  await page.keyboard.press('Enter')
  await page.getByText('word4').waitFor()
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.getByText('Stopped. What had come is billed.').waitFor()
  await page.getByRole('article').getByText(/^\$0\.\d*[1-9]/).waitFor()
  go()
})

journey('the code that is shown answers as it stands', async (page) => {
  const { key } = await sluice(server, 'key', 'create', '--org', trial.id, '--name', 'code')
  await page.goto(page_('?models=tiny-chat'))
  await page.getByRole('textbox', { name: 'Question' }).fill("What's a \"price book\"?")
  await page.getByRole('button', { name: 'Show as code' }).click()
  const text = await page.getByRole('dialog').locator('pre').innerText()
  const answer = execFileSync('sh', ['-c', text.replace('sk-your-key', key)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  assert.match(answer, /data: \[DONE\]/)
})

journey('a question that is sent before the models are there waits for them', async (page) => {
  let letGo
  const held = new Promise((resolve) => { letGo = resolve })
  await page.route('**/models?*', (route) => held.then(() => route.continue()))
  await page.goto(page_('?models=tiny-chat'))
  await page.getByRole('textbox', { name: 'Question' }).fill('Hello!')
  await page.keyboard.press('Enter')
  assert.equal(await page.getByRole('textbox', { name: 'Question' }).inputValue(), 'Hello!')
  letGo()
  await page.getByRole('article').getByText(/^\$0\.\d*[1-9]/).waitFor()
})

journey('what goes wrong is said, and can be tried again', async (page) => {
  await page.goto(page_('?models=tiny-chat'))
  await page.getByRole('textbox', { name: 'Question' }).waitFor()
  await page.route('**/playground/chat/**', (route) => route.abort())
  await page.getByRole('textbox', { name: 'Question' }).fill('Hello!')
  await page.keyboard.press('Enter')
  await page.getByText('The server could not be reached.').waitFor()
  await page.unroute('**/playground/chat/**')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('article').getByText(/^\$0\.\d*[1-9]/).waitFor()
  await page.getByLabel('temperature').fill('3')
  await page.getByText('From 0 to 2.').waitFor()
  assert.ok(await page.getByRole('button', { name: 'Show as code' }).isDisabled())
})
