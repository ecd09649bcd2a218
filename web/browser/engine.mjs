// An engine that answers what a test says, and keeps what it was asked.
import { createServer } from 'node:http'

/** Starts it. `script` is given a request's body and returns the deltas to stream, each an object; `usage` ends them. */
export async function engine(script) {
  const asked = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (piece) => (text += piece))
    request.on('end', async () => {
      if (request.method !== 'POST') return response.writeHead(request.url === '/health' ? 200 : 404).end()
      const body = JSON.parse(text)
      asked.push(body)
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      const say = (more) => response.write(`data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: body.model, ...more })}\n\n`)
      const deltas = script(body)
      for await (const delta of deltas) say({ choices: [{ index: 0, delta, finish_reason: null }] })
      const calls = asked.at(-1) === body && deltas.calls
      say({ choices: [{ index: 0, delta: {}, finish_reason: calls ? 'tool_calls' : 'stop' }] })
      say({ choices: [], usage: { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30, prompt_tokens_details: { cached_tokens: 8 } } })
      response.end('data: [DONE]\n\n')
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return { asked, url: `http://127.0.0.1:${server.address().port}/v1`, stop: () => new Promise((done) => { server.closeAllConnections(); server.close(done) }) }
}
