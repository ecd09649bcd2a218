// What a long answer costs while it is streamed: 128,000 characters in small pieces.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { build } from 'vite'
import { open } from './browser.mjs'

const length = 128_000
const piece = 48 // characters
const limit = 0.5 // seconds

let browser, folder, script, style

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'markdown-'))
  const root = new URL('..', import.meta.url).pathname
  await build({ root, configFile: false, logLevel: 'error', publicDir: false, build: { outDir: folder, target: 'es2023', minify: false, lib: { entry: join(root, 'src/markdown/stream.ts'), formats: ['iife'], name: 'stream', fileName: () => 'stream.js' } } })
  script = await readFile(join(folder, 'stream.js'), 'utf8')
  style = (await readFile(join(root, 'src/app.css'), 'utf8')) + (await readFile(join(root, 'src/markdown/markdown.css'), 'utf8'))
  browser = await open()
})
after(async () => {
  await browser?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const section = (i) => `## ${i}. A part of the answer

The gateway **admits** a call, then *routes* it to an engine; see [the docs](https://docs.example/${i}) and \`settle()\`. ${'It goes on for a while, as answers do, with words and more words. '.repeat(4)}

- the first point, with **weight**
- the second, with \`code\` in it
  1. and one below it
  2. and another

\`\`\`go
func settle(ctx context.Context, call *Call) error {
	// one durable transaction
	return store.Settle(ctx, call.ID, ${i}, "usd")
}
\`\`\`

| model | input | output |
|---|--:|--:|
| glm-4.6 | 0.60 | 2.20 |
| deepseek-v3.2 | 0.28 | 0.42 |

> What is quoted stays short.

`
const answer = Array.from({ length: 400 }, (_, i) => section(i + 1)).join('').slice(0, length)

// Other work on the machine only adds to what is measured: the least of three runs counts.
test(`an answer of ${length} characters in pieces of ${piece} costs under ${limit} s`, async () => {
  let least = Infinity
  for (let run = 0; run < 3 && least >= limit; run++) least = Math.min(least, await stream())
  assert.ok(least < limit, `${least} s`)
})

/** Streams the answer, checks what is shown, and returns the seconds that it cost. */
async function stream() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } })
  await page.setContent('<!doctype html><html><body><main></main></body></html>')
  await page.addStyleTag({ content: style + 'main { width: 46rem; margin: 0 auto }' })
  await page.addScriptTag({ content: script })
  const debug = await page.context().newCDPSession(page)
  await debug.send('Performance.enable', { timeDomain: 'threadTicks' }) // the thread's own time, however busy the machine is
  const metrics = async () => Object.fromEntries((await debug.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))
  await page.waitForTimeout(300)
  const before = await metrics()
  const seen = await page.evaluate(async ([text, piece]) => {
    const host = document.createElement('div')
    host.className = 'markdown'
    document.querySelector('main').append(host)
    const m = new stream.Markdown(host, { document, words: { copy: 'Copy', copied: 'Copied', code: 'Code', table: 'Table', image: 'Picture' } })
    const closed = []
    let pieces = 0
    let frames = 0
    let left = false
    let counting = true
    const count = () => { frames++; if (counting) requestAnimationFrame(count) }
    requestAnimationFrame(count)
    for (let at = 0; at < text.length; at += piece) {
      m.append(text.slice(at, at + piece))
      pieces++
      while (host.childNodes.length > closed.length + 1) closed.push(host.childNodes[closed.length])
      // Each piece comes by itself, as from a network, and every sixteenth waits for a frame in which all is painted.
      await new Promise((done) => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0) })
      if (pieces % 16 === 0) await new Promise(requestAnimationFrame)
    }
    m.end()
    counting = false
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
    for (const [i, node] of closed.entries()) left ||= host.childNodes[i] !== node
    return { pieces, frames, blocks: closed.length, left, characters: host.textContent.length }
  }, [answer, piece])
  const after = await metrics()
  const cost = (name) => after[name] - before[name]
  // What the text costs: scripts, styles and layout. The frames themselves, which any page pays, are told beside it.
  const sum = cost('ScriptDuration') + cost('RecalcStyleDuration') + cost('LayoutDuration')
  console.log(`${seen.pieces} pieces in ${seen.frames} frames, ${seen.blocks} blocks: script ${cost('ScriptDuration').toFixed(3)} s, styles ${cost('RecalcStyleDuration').toFixed(3)} s, layout ${cost('LayoutDuration').toFixed(3)} s, together ${sum.toFixed(3)} s of CPU; with frames ${cost('TaskDuration').toFixed(3)} s`)
  assert.ok(seen.characters > length * 0.7, `${seen.characters} characters are shown`)
  assert.equal(seen.left, false, 'a closed block was replaced')
  await page.close()
  return sum
}
