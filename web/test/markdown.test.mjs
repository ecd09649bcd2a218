// The Markdown renderer: what it makes of texts, whatever pieces they come in,
// and that nothing in them becomes anything else.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import { document, Element, elements, words, written } from './document.mjs'
import { modules } from './load.mjs'

const cases = JSON.parse(await readFile(new URL('markdown.json', import.meta.url), 'utf8'))
const hostile = JSON.parse(await readFile(new URL('../../api/site/testdata/hostile.json', import.meta.url), 'utf8'))

const code = (name, text) => `<figure class="code"><figcaption><span>${name}</span><button>Copy</button></figcaption><pre><code>${text}</code></pre></figure>`

test('Markdown', async (t) => {
  await modules(async (load) => {
    const { Markdown } = await load('markdown/stream.ts')

    function rendered(...pieces) {
      const host = new Element('div')
      const m = new Markdown(host, { document, words })
      for (const piece of pieces) m.append(piece)
      m.end()
      return host
    }

    await t.test('says what is written', () => {
      for (const { text, is } of cases) {
        assert.equal(written(rendered(text)), is.replace(/<<(\w*)\|([^]*?)>>/g, (_, name, body) => code(name, body)), JSON.stringify(text))
      }
    })

    // A generator of its own, so that a failure can be had again.
    function random(seed) {
      let state = seed >>> 0
      return (below) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return Math.floor((state / 2 ** 32) * below)
      }
    }
    const split = (text, next, longest) => {
      const pieces = []
      for (let at = 0; at < text.length; ) {
        const n = 1 + next(longest)
        pieces.push(text.slice(at, at + n))
        at += n
      }
      return pieces
    }

    await t.test('the pieces that a text comes in make no difference', () => {
      const texts = [...cases.map((c) => c.text), ...hostile.map((h) => h.text), cases.map((c) => c.text).join('\n\n'), cases.map((c) => c.text).join('\n')]
      for (const text of texts) {
        const whole = written(rendered(text))
        assert.equal(written(rendered(...text)), whole, `by characters: ${JSON.stringify(text)}`)
        for (let seed = 1; seed <= 12; seed++) {
          const pieces = split(text, random(seed), seed < 6 ? 5 : 40)
          assert.equal(written(rendered(...pieces)), whole, JSON.stringify(pieces))
        }
      }
    })

    await t.test('nor for texts that nobody would write', () => {
      const bits = ['*', '**', '_', '`', '``', '```', '~~~\n', '\n', '\n\n', '    ', '  ', '\t', '- ', '1. ', '> ', '#', '## ', '|', '|-|', '[', ']', '](', '(http://a.b)', ')', '![', '$', '$$', '\\(', '\\)', '\\[', '\\]', '\\', '<', '>', '&amp;', '&#', '---', '===', 'a', 'b c', '是', '：', ' ', '[ ] ', '[^1]', '[^1]: ', '[x]: http://x.y\n', 'https://a.b/c', '<br>', '~~', '!', '<http://u.v>']
      for (let seed = 1; seed <= 1500; seed++) {
        const next = random(seed * 7919)
        const text = Array.from({ length: 4 + next(30) }, () => bits[next(bits.length)]).join('')
        const pieces = split(text, next, 4)
        assert.equal(written(rendered(...pieces)), written(rendered(text)), JSON.stringify(pieces))
      }
    })

    await t.test('long paragraphs are settled on the way, and say the same', () => {
      const sentence = 'Some *words* with `code`, a [link](https://a.example/b), **bold** and $x^2$ in it. '
      const text = sentence.repeat(60)
      const host = new Element('div')
      const m = new Markdown(host, { document, words })
      let kept
      for (const piece of split(text, random(3), 20)) {
        m.append(piece)
        kept ??= host.childNodes[0]?.childNodes.length > 60 ? host.childNodes[0].childNodes.slice(0, 10) : undefined
      }
      m.end()
      assert.equal(written(host), written(rendered(text)))
      for (const [i, node] of kept.entries()) assert.equal(host.childNodes[0].childNodes[i], node, `node ${i} was made anew`)
    })

    await t.test('what is closed is never touched again', () => {
      const text = cases.map((c) => c.text).join('\n\n')
      const host = new Element('div')
      const m = new Markdown(host, { document, words })
      const closed = []
      for (const piece of split(text, random(11), 7)) {
        m.append(piece)
        while (host.childNodes.length > closed.length + 1) {
          const node = host.childNodes[closed.length]
          closed.push([node, node.name === 'ul' || node.name === 'ol' ? undefined : written(node)])
        }
        for (const [i, [node, was]] of closed.entries()) {
          assert.equal(host.childNodes[i], node)
          if (i + 2 < closed.length && was !== undefined) assert.equal(written(node), was)
        }
      }
      assert.ok(closed.length > 40)
    })

    await t.test('nothing hostile becomes anything but text', () => {
      const allowed = { a: ['href', 'target', 'rel', 'title', 'class'], ul: ['class'], ol: ['class', 'start'], li: ['class'], th: ['class'], td: ['class'], span: ['class'], div: ['class', 'tabindex', 'role', 'aria-label'], figure: ['class'], button: ['type'], pre: ['tabindex', 'aria-label'] }
      const plain = ['p', 'h2', 'h3', 'h4', 'h5', 'h6', 'em', 'strong', 'del', 'code', 'br', 'hr', 'blockquote', 'sup', 'table', 'thead', 'tbody', 'tr', 'figcaption']
      for (const { text, links } of hostile) {
        for (const host of [rendered(text), rendered(...text)]) {
          const found = []
          for (const element of elements(host)) {
            assert.ok(plain.includes(element.name) || allowed[element.name], `<${element.name}> of ${JSON.stringify(text)}`)
            for (const [name, value] of Object.entries(element.attributes)) {
              assert.ok(allowed[element.name]?.includes(name), `${name} of <${element.name}> of ${JSON.stringify(text)}`)
              if (name === 'href') {
                found.push(value)
                assert.match(value, /^(https?:\/\/|mailto:)/, JSON.stringify(text))
              }
              if (name === 'class') assert.match(value, /^(code|math|math display|picture|wide|note|task|loose|end|center|comment|string|number|word)$/)
            }
          }
          assert.deepEqual(found, links ?? [], JSON.stringify(text))
        }
      }
    })

    await t.test('what is deep or long stays quick', () => {
      for (const bit of ['>', '> ', '- ', '*', '_', '**a ', '*a_ ', '[', '![', '[a](', '`a', '$a ', '$$', '|', '~~a', '\\[', '<http://', '&', '# ', '1. ', '((', 'a](b', '* a\n', '|a|b|\n|-|-|\n', '[a]: b\n', '```\n']) {
        const begun = process.cpuUsage()
        rendered(bit.repeat(20_000 / bit.length))
        const took = process.cpuUsage(begun).user / 1000
        assert.ok(took < 4000, `${JSON.stringify(bit)} took ${took} ms`)
      }
    })
  })
})
