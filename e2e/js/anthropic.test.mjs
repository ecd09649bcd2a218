// Anthropic's official JavaScript client against a server that the Go test beside
// this folder starts. What it needs to know comes in the variable WORLD, as JSON.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'

const world = JSON.parse(process.env.WORLD)

// counted makes a client that counts its attempts.
function counted(apiKey, options = {}) {
  const attempts = []
  const client = new Anthropic({
    apiKey,
    baseURL: world.url,
    fetch: (url, init) => {
      attempts.push(url)
      return fetch(url, init)
    },
    ...options,
  })
  return { client, attempts }
}

const { client } = counted(world.key)
const ask = (model, content) => ({ model, max_tokens: 16, messages: [{ role: 'user', content }] })
const tools = [
  { name: 'read', description: 'Reads a file.', input_schema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } },
]

for (const model of [world.box, world.simulated, world.acts, world.alias]) {
  test(`${model}: text`, async () => {
    const { data, response, request_id } = await client.messages.create(ask(model, 'What is Sluice?')).withResponse()
    assert.equal(data.type, 'message')
    assert.equal(data.model, model)
    assert.ok(data.content[0].text)
    assert.ok(data.stop_reason)
    assert.ok(data.usage.output_tokens > 0)
    assert.match(request_id, /^call_/)
    assert.equal(response.headers.has('x-sluice-simulated'), model === world.simulated)
  })

  test(`${model}: stream`, async () => {
    const names = []
    for await (const event of await client.messages.create({ ...ask(model, 'What is Sluice?'), stream: true })) names.push(event.type)
    assert.equal(names[0], 'message_start')
    assert.equal(names.at(-1), 'message_stop')
    assert.equal(names.at(-2), 'message_delta')
  })

  test(`${model}: the stream helper adds up`, async () => {
    const whole = await client.messages.stream(ask(model, 'What is Sluice?')).finalMessage()
    assert.ok(whole.content[0].text)
    assert.ok(whole.usage.output_tokens > 0)
    assert.ok(whole.stop_reason)
  })

  test(`${model}: count`, async () => {
    const { max_tokens, ...prompt } = ask(model, 'What is Sluice?')
    assert.ok((await client.messages.countTokens(prompt)).input_tokens > 2)
  })
}

test('the beta client, with betas that nobody knows', async () => {
  const got = await client.beta.messages.create({
    ...ask(world.acts, 'hi'),
    betas: ['context-management-2025-06-27', 'unheard-of-2030-01-01'],
    context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
  })
  assert.equal(got.content[0].text, 'An answer.')
})

for (const streamed of [false, true]) {
  const create = (params) => (streamed ? client.messages.stream(params).finalMessage() : client.messages.create(params))

  test(`tools, streamed: ${streamed}`, async () => {
    const params = { ...ask(world.acts, 'call the tool'), tools }
    const got = await create(params)
    assert.equal(got.stop_reason, 'tool_use')
    const calls = got.content.filter((b) => b.type === 'tool_use')
    assert.deepEqual(calls.map((c) => c.input), [{ path: 'a.go' }, { path: 'b.go' }])
    const results = calls.map((c) => ({ type: 'tool_result', tool_use_id: c.id, content: [{ type: 'text', text: `package ${c.input.path}` }] }))
    params.messages.push({ role: 'assistant', content: got.content }, { role: 'user', content: results })
    assert.equal((await create(params)).content[0].text, 'It says: package b.go')
  })

  test(`thinking, streamed: ${streamed}`, async () => {
    for (const [display, thought] of [['summarized', 'Two and two.'], ['omitted', '']]) {
      const params = { ...ask(world.acts, 'think about it'), max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024, display } }
      const got = await create(params)
      assert.equal(got.content[0].thinking, thought)
      assert.ok(got.content[0].signature)
      assert.equal(got.content[1].text, 'Four.')
      params.messages.push({ role: 'assistant', content: got.content }, { role: 'user', content: 'think again' })
      const again = await create({ ...params, thinking: { type: 'adaptive' } })
      assert.equal(again.content[0].thinking, 'As before: Two and two.')
      got.content[0].signature = again.content[0].signature
      await assert.rejects(create(params), Anthropic.BadRequestError)
    }
  })

  test(`refusal, streamed: ${streamed}`, async () => {
    const got = await create(ask(world.acts, 'refuse'))
    assert.equal(got.stop_reason, 'refusal')
    assert.equal(got.stop_details.type, 'refusal')
  })
}

test('tool runner', async () => {
  const read = {
    ...tools[0],
    parse: (input) => input,
    run: async ({ path }) => `package ${path}`,
  }
  const runner = client.beta.messages.toolRunner({ ...ask(world.acts, 'call the tool'), tools: [read] })
  const final = await runner
  assert.equal(final.content[0].text, 'It says: package b.go')
})

test('image', async () => {
  const got = await client.messages.create(
    ask(world.acts, [
      { type: 'text', text: 'see this' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: world.pixel } },
    ]),
  )
  assert.match(got.content[0].text, /^image\/png of 70 bytes/)
})

test('models', async () => {
  const models = new Map()
  for await (const model of client.models.list({ limit: 2 })) models.set(model.id, model)
  for (const id of [world.box, world.simulated, world.told, world.acts, world.alias]) assert.ok(models.has(id), id)
  assert.equal(models.get(world.alias).display_name, world.acts)
  assert.equal((await client.models.retrieve(world.alias)).id, world.alias)
})

test('errors are typed, and not tried again', async () => {
  const cases = [
    [Anthropic.AuthenticationError, 401, 'authentication_error', 'sk-unknown', {}],
    [Anthropic.AuthenticationError, 401, 'authentication_error', world.expired, {}],
    [Anthropic.NotFoundError, 404, 'not_found_error', world.key, { model: 'nothing' }],
    [Anthropic.NotFoundError, 404, 'not_found_error', world.key, { model: 'nothing', stream: true }],
    [Anthropic.APIError, 402, 'billing_error', world.poor, {}],
    [Anthropic.BadRequestError, 400, 'invalid_request_error', world.key, { max_tokens: -1 }],
    [Anthropic.BadRequestError, 400, 'invalid_request_error', world.key, { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
  ]
  for (const [type, status, kind, key, change] of cases) {
    const { client, attempts } = counted(key)
    await assert.rejects(client.messages.create({ ...ask(world.acts, 'hi'), ...change }), (err) => {
      assert.ok(err instanceof type, `${err.constructor.name} for ${status}`)
      assert.equal(err.status, status)
      assert.equal(err.type, kind)
      assert.ok(err.apiMessage)
      assert.match(err.requestID, /^call_/)
      assert.equal(err.error.request_id, err.requestID)
      return true
    })
    assert.equal(attempts.length, 1, `attempts after ${status}`)
  }
})

test('an engine that breaks off in the middle', async () => {
  let text = ''
  const stream = client.messages.stream(ask(world.acts, 'break off')).on('text', (t) => (text += t))
  await assert.rejects(stream.finalMessage(), (err) => err.type === 'api_error')
  assert.equal(text, 'Half an answer')
})

test('limits: a 429 says when to come again', async () => {
  const { client } = counted(world.rare, { maxRetries: 0 })
  await client.messages.create(ask(world.simulated, 'hi'))
  await assert.rejects(client.messages.create(ask(world.simulated, 'hi')), (err) => {
    assert.ok(err instanceof Anthropic.RateLimitError)
    assert.equal(err.type, 'rate_limit_error')
    assert.equal(err.headers.get('retry-after'), '60')
    return true
  })
})

test('a 429 is obeyed and then served', async () => {
  const { client, attempts } = counted(world.single)
  const stream = await client.messages.create({ ...ask(world.told, world.slow), max_tokens: 100, stream: true })
  const begin = Date.now()
  await client.messages.create(ask(world.simulated, 'hi'))
  assert.ok(Date.now() - begin >= 990, `waited ${Date.now() - begin} ms`)
  assert.equal(attempts.length, 3)
  for await (const _ of stream);
})

test('leaving in the middle of a stream', async () => {
  const stream = await client.messages.create({ ...ask(world.told, world.gated), max_tokens: 1000, stream: true })
  let seen = 0
  for await (const event of stream) {
    if (event.type === 'content_block_delta' && ++seen === world.gatedTokens) break // which aborts
  }
  assert.equal(seen, world.gatedTokens)
  assert.ok(stream.controller.signal.aborted)
})

test('a busy engine is asked again', async () => {
  const { client, attempts } = counted(world.key)
  await fetch(world.busy, { method: 'PUT' })
  await client.messages.create(ask(world.told, world.quick), { headers: { 'X-Sluice-Max-Wait': '0' } }) // or else it waits for its turn
  assert.equal(attempts.length, 2)
})
