// The official JavaScript client against a server that the Go test beside this
// folder starts. What it needs to know comes in the variable WORLD, as JSON.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import OpenAI from 'openai'

const world = JSON.parse(process.env.WORLD)

// counted makes a client that counts its attempts.
function counted(apiKey, options = {}) {
  const attempts = []
  const client = new OpenAI({
    apiKey,
    baseURL: world.url + '/v1',
    fetch: (url, init) => {
      attempts.push(url)
      return fetch(url, init)
    },
    ...options,
  })
  return { client, attempts }
}

const { client } = counted(world.key)
const ask = (model, content) => ({ model, max_tokens: 16, seed: 1, messages: [{ role: 'user', content }] })

for (const model of [world.box, world.simulated]) {
  test(`${model}: chat`, async () => {
    const { data, response, request_id } = await client.chat.completions.create(ask(model, 'What is Sluice?')).withResponse()
    assert.ok(data.choices[0].message.content)
    assert.ok(data.choices[0].finish_reason)
    assert.ok(data.usage.completion_tokens > 0)
    assert.match(request_id, /^call_/)
    assert.equal(data._request_id, request_id)
    assert.equal(response.headers.has('x-sluice-simulated'), model === world.simulated)
  })

  test(`${model}: stream`, async () => {
    const stream = await client.chat.completions.create({ ...ask(model, 'What is Sluice?'), stream: true })
    let text = ''
    for await (const chunk of stream) {
      assert.equal(chunk.choices.length, 1, 'a client that asked for no usage gets no chunk without choices')
      assert.ok(!chunk.usage)
      text += chunk.choices[0].delta.content ?? ''
    }
    assert.ok(text)
  })

  test(`${model}: stream with usage`, async () => {
    const options = { stream: true, stream_options: { include_usage: true } }
    const stream = await client.chat.completions.create({ ...ask(model, 'What is Sluice?'), ...options })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    const last = chunks.at(-1)
    assert.deepEqual(last.choices, [])
    assert.ok(last.usage.completion_tokens > 0)
    assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens)
    assert.equal(chunks.filter((c) => c.usage).length, 1)
  })

  test(`${model}: the stream helper adds up`, async () => {
    const whole = await client.chat.completions.stream(ask(model, 'What is Sluice?')).finalChatCompletion()
    assert.ok(whole.choices[0].message.content)
  })

  test(`${model}: completion`, async () => {
    const got = await client.completions.create({ model, prompt: 'Sluice is', max_tokens: 8 })
    assert.ok(got.choices[0].text)
    assert.ok(got.usage.completion_tokens > 0)
  })

  test(`${model}: completion stream`, async () => {
    let text = ''
    for await (const chunk of await client.completions.create({ model, prompt: 'Sluice is', max_tokens: 8, stream: true })) {
      text += chunk.choices[0].text
    }
    assert.ok(text)
  })
}

test('embeddings', async () => {
  for (const encoding of [{}, { encoding_format: 'float' }]) {
    const got = await client.embeddings.create({ model: world.simulated, input: ['a', 'b'], dimensions: 16, ...encoding })
    assert.equal(got.data.length, 2)
    assert.equal(got.data[1].embedding.length, 16)
    assert.ok(Math.abs(got.data[0].embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-3)
    assert.ok(got.usage.prompt_tokens > 0)
  }
})

test('models', async () => {
  const ids = []
  for await (const model of client.models.list()) ids.push(model.id)
  for (const id of [world.box, world.simulated, world.told]) {
    assert.ok(ids.includes(id))
    assert.equal((await client.models.retrieve(id)).id, id)
  }
})

test('errors are typed, and not tried again', async () => {
  const cases = [
    [OpenAI.AuthenticationError, 401, 'unauthenticated', null, 'sk-unknown', {}],
    [OpenAI.AuthenticationError, 401, 'unauthenticated', null, world.expired, {}],
    [OpenAI.NotFoundError, 404, 'model_not_found', 'model', world.key, { model: 'nothing' }],
    [OpenAI.NotFoundError, 404, 'model_not_found', 'model', world.key, { model: 'nothing', stream: true }],
    [OpenAI.APIError, 402, 'insufficient_funds', null, world.poor, {}],
    [OpenAI.BadRequestError, 400, 'invalid', 'max_tokens', world.key, { max_tokens: -1 }],
    [OpenAI.BadRequestError, 400, 'invalid', 'messages', world.key, { messages: [] }],
  ]
  for (const [type, status, code, param, key, change] of cases) {
    const { client, attempts } = counted(key)
    await assert.rejects(client.chat.completions.create({ ...ask(world.simulated, 'hi'), ...change }), (err) => {
      assert.ok(err instanceof type, `${err.constructor.name} for ${status}`)
      assert.equal(err.status, status)
      assert.equal(err.code, code)
      assert.equal(err.param, param)
      assert.ok(err.type)
      assert.match(err.requestID, /^call_/)
      return true
    })
    assert.equal(attempts.length, 1, `attempts after ${status}`)
  }
})

test('limits can be read, and a 429 says when to come again', async () => {
  const { client } = counted(world.rare, { maxRetries: 0 })
  const { response } = await client.chat.completions.create(ask(world.simulated, 'hi')).withResponse()
  assert.equal(response.headers.get('x-ratelimit-limit-requests'), '1')
  assert.equal(response.headers.get('x-ratelimit-remaining-requests'), '0')
  assert.equal(response.headers.get('x-ratelimit-limit-tokens'), '100000')
  await assert.rejects(client.chat.completions.create(ask(world.simulated, 'hi')), (err) => {
    assert.ok(err instanceof OpenAI.RateLimitError)
    assert.equal(err.code, 'rate_limited')
    assert.equal(err.headers.get('retry-after'), '60')
    return true
  })
})

test('a 429 is obeyed and then served', async () => {
  const { client, attempts } = counted(world.single)
  const stream = await client.chat.completions.create({ ...ask(world.told, world.slow), stream: true })
  const begin = Date.now()
  await client.chat.completions.create(ask(world.simulated, 'hi'))
  assert.ok(Date.now() - begin >= 990, `waited ${Date.now() - begin} ms`)
  assert.equal(attempts.length, 3)
  for await (const _ of stream);
})

test('leaving in the middle of a stream', async () => {
  const stream = await client.chat.completions.create({ ...ask(world.told, world.gated), max_tokens: 1000, stream: true })
  let seen = 0
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content && ++seen === world.gatedTokens) break // which aborts
  }
  assert.equal(seen, world.gatedTokens)
  assert.ok(stream.controller.signal.aborted)
})

test('a busy engine is asked again', async () => {
  const { client, attempts } = counted(world.key)
  await fetch(world.busy, { method: 'PUT' })
  await client.chat.completions.create(ask(world.told, world.quick), { headers: { 'X-Sluice-Max-Wait': '0' } }) // or else it waits for its turn
  assert.equal(attempts.length, 2)
})
