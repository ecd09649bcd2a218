// What the playground asks, what it reads, and that the code it shows makes the same request.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { modules } from './load.mjs'

/** Whether a program is on this machine. */
function there(program, ...args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A stream of a text in pieces of a length in bytes. */
function streamed(text, length) {
  const bytes = new TextEncoder().encode(text)
  return new ReadableStream({
    start(c) {
      for (let i = 0; i < bytes.length; i += length) c.enqueue(bytes.slice(i, i + length))
      c.close()
    },
  })
}

test('the playground', async (t) => {
  await modules(async (load) => {
    const { body, faults, restored, untouched } = await load('pages/playground/request.ts')
    const { events, nothing, take } = await load('pages/playground/stream.ts')
    const { code, shortened } = await load('pages/playground/code.ts')

    const nasty = 'It\'s "quoted", `ticked`, $HOME, \\n, 漢字\nand a second line'
    const settings = {
      ...untouched(), system: nasty, numbers: { temperature: '0.7', seed: '-3', top_k: '40', max_tokens: '' }, stop: 'END\n\n###', thinking: 'on', format: 'json_schema',
      schema: '{"type": "object"}', tools: [{ name: 'get_weather', description: nasty, parameters: '{"type": "object", "properties": {"city": {"type": ["string", "null"]}}}' }],
      choice: 'get_weather', serial: true, more: '{"service_tier": "flex", "metadata": null, "deep": {"a": [true, false, 1.5e-7, []], "b": {}}}',
    }
    const messages = [
      { role: 'user', text: nasty, attachments: [{ name: 'a.png', bytes: 3, image: 'data:image/png;base64,AAAA' }, { name: 'b.pdf', bytes: 9, file: 'file_1' }] },
      { role: 'assistant', text: '', calls: [{ id: 'c1', name: 'get_weather', arguments: '{"city": "Pau"}' }] },
      { role: 'tool', call: 'c1', text: '{"sun": true}' },
    ]

    await t.test('says nothing that was not set', () => {
      assert.deepEqual(body('m', { ...untouched(), stream: false }, [{ role: 'user', text: 'Hi', attachments: [] }]), { model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
    })

    await t.test('says everything that was set', () => {
      const got = body('m', settings, messages)
      assert.equal(got.temperature, 0.7)
      assert.equal(got.seed, -3)
      assert.ok(!('max_tokens' in got))
      assert.deepEqual(got.stop, ['END', '###'])
      assert.deepEqual(got.chat_template_kwargs, { enable_thinking: true, thinking: true })
      assert.deepEqual(got.tool_choice, { type: 'function', function: { name: 'get_weather' } })
      assert.equal(got.parallel_tool_calls, false)
      assert.equal(got.service_tier, 'flex')
      assert.deepEqual(got.stream_options, { include_usage: true })
      assert.deepEqual(got.messages[0], { role: 'system', content: nasty })
      assert.deepEqual(got.messages[1].content.map((part) => part.type), ['image_url', 'file', 'text'])
      assert.deepEqual(got.messages[2], { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{"city": "Pau"}' } }] })
      assert.deepEqual(got.messages[3], { role: 'tool', tool_call_id: 'c1', content: '{"sun": true}' })
      assert.equal(body('m', { ...untouched(), thinking: 'high' }, []).reasoning_effort, 'high')
    })

    await t.test('finds what cannot be sent', () => {
      assert.deepEqual(faults(settings), [])
      assert.deepEqual(faults({ ...untouched(), numbers: { temperature: '2.1', top_p: 'x', seed: '1.5', min_p: '0' }, more: '[1]', format: 'json_schema', schema: '{' }), ['temperature', 'top_p', 'seed', 'schema', 'more'])
      for (const kept of [null, '', '[', '{"tools": 3, "system": 4, "unknown": 1}', '{"tools": {}}']) assert.deepEqual(restored(kept), untouched(), String(kept))
      assert.equal(restored('{"system": "kept"}').system, 'kept')
    })

    await t.test('a stream is read whatever its pieces', async () => {
      const said = (delta, more) => 'data: ' + JSON.stringify({ choices: [{ index: 0, delta, ...more }] })
      const text = [
        ': a comment', '', said({ reasoning_content: 'Hm. ' }), '', said({ content: '漢' }), '', said({ content: '字' }), '',
        said({ tool_calls: [{ index: 1, id: 'b', function: { name: 'two', arguments: '{"x"' } }] }), '', said({ tool_calls: [{ index: 1, function: { arguments: ': 1}' } }, { index: 0, id: 'a', function: { name: 'one', arguments: '' } }] }), '',
        'event: x', 'data: {"choices": [], ', 'data:"usage": {"prompt_tokens": 3, "completion_tokens": 4}}', '', said({}, { finish_reason: 'tool_calls' }), '', 'data: [DONE]', '', '',
      ]
      for (const end of ['\n', '\r\n', '\r']) {
        for (const length of [1, 2, 3, 7, 100_000]) {
          const all = nothing()
          let ended = false
          for await (const data of events(streamed(text.join(end), length))) {
            if (data === '[DONE]') ended = true
            else take(all, data)
          }
          assert.ok(ended)
          assert.deepEqual(all, {
            text: '漢字', reasoning: 'Hm. ', finish: 'tool_calls', usage: { prompt_tokens: 3, completion_tokens: 4 },
            calls: [{ id: 'a', name: 'one', arguments: '' }, { id: 'b', name: 'two', arguments: '{"x": 1}' }],
          }, `${JSON.stringify(end)} ${length}`)
        }
      }
      assert.throws(() => take(nothing(), '{"error": {"message": "No.", "code": "upstream_error"}}'), { message: 'No.', code: 'upstream_error' })
    })

    await t.test('the code makes the same request', async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'playground-'))
      t.after(() => rmSync(folder, { recursive: true }))
      const request = body('m', settings, messages)
      const said = JSON.parse(JSON.stringify(request))
      const programs = Object.fromEntries(code({ origin: 'http://127.0.0.1:1', key: 'sk-1', model: 'm' }, request).map((s) => [s.key, s.text]))

      const curl = execFileSync('sh', ['-c', 'curl() { for last; do :; done; printf %s "$last"; }\n' + programs.curl], { encoding: 'utf8' })
      assert.deepEqual(JSON.parse(curl), said)

      writeFileSync(join(folder, 'openai.mjs'), 'export default class { chat = { completions: { create: (body) => { console.log(JSON.stringify(body)); process.exit() } } } }')
      writeFileSync(join(folder, 'main.mjs'), programs.node.replace("'openai'", "'./openai.mjs'"))
      assert.deepEqual(JSON.parse(execFileSync('node', [join(folder, 'main.mjs')], { encoding: 'utf8' })), said)

      if (there('python3', '--version')) {
        writeFileSync(join(folder, 'openai.py'), 'import json, sys\nclass OpenAI:\n    def __init__(self, **_):\n        self.chat = self.completions = self\n    def create(self, extra_body={}, **known):\n        print(json.dumps({**known, **extra_body}))\n        sys.exit()\n')
        writeFileSync(join(folder, 'main.py'), programs.python)
        assert.deepEqual(JSON.parse(execFileSync('python3', [join(folder, 'main.py')], { encoding: 'utf8' })), said)
      }
      if (there('go', 'version')) {
        writeFileSync(join(folder, 'main.go'), programs.go.replace('resp, err := http.DefaultClient.Do(req)', 'io.Copy(os.Stdout, req.Body)\n\tresp, err := &http.Response{Body: io.NopCloser(strings.NewReader(""))}, err'))
        assert.deepEqual(JSON.parse(execFileSync('go', ['run', join(folder, 'main.go')], { encoding: 'utf8', env: { ...process.env, GOFLAGS: '-mod=mod', GO111MODULE: 'off' } })), said)
      }
    })

    await t.test('what is long is shortened for reading', () => {
      const long = 'data:image/png;base64,' + 'A'.repeat(1000)
      assert.deepEqual(shortened({ a: [long, 'b'.repeat(300), null, 1] }), { a: [long.slice(0, 48) + '…', 'b'.repeat(300), null, 1] })
    })
  })
})
