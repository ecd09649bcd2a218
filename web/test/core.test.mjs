import assert from 'node:assert/strict'
import test from 'node:test'
import { modules } from './load.mjs'

test('what has no look', async (t) => {
  await modules(async (load) => {
    const money = await load('core/amount.ts')

    await t.test('amounts are exact', () => {
      assert.equal(money.sum(['0.1', '0.2']), '0.3')
      assert.equal(money.sum(['9007199254740993.000000000001', '0.000000000001']), '9007199254740993.000000000002')
      assert.equal(money.sum([]), '0')
      assert.equal(money.compare('10', '9.999999999999'), 1)
      assert.equal(money.compare('-1', '0'), -1)
      assert.equal(money.compare('1.50', '1.5'), 0)
      for (const bad of ['', '.5', '1.', '1e3', '1,5', '--1', 'NaN', '0.0000000000001']) assert.throws(() => money.pico(bad), RangeError, bad)
    })

    await t.test('an amount survives being written and read', () => {
      let seed = 1n
      for (let i = 0; i < 2000; i++) {
        seed = (seed * 6364136223846793005n + 1442695040888963407n) % (1n << 64n)
        const value = (i % 2 ? -1n : 1n) * (seed >> BigInt(i % 60))
        assert.equal(money.pico(money.amount(value)), value)
      }
    })

    await t.test('a share stays between nothing and all', () => {
      assert.equal(money.share('1', '4'), 0.25)
      assert.equal(money.share('5', '4'), 1)
      assert.equal(money.share('-1', '4'), 0)
      assert.equal(money.share('1', '0'), 0)
    })

    await t.test('what may be typed as an amount', () => {
      for (const good of ['1', '0.01', ' 20.5 ']) assert.ok(money.typed(good), good)
      for (const bad of ['', '-1', '1.234', '1,5', '1e2', '$1']) assert.ok(!money.typed(bad), bad)
    })

    const { csv } = await load('core/csv.ts')
    await t.test('a CSV is quoted, and no formula runs in it', () => {
      assert.equal(csv(['a', 'b'], [['x,y', 'say "hi"']]), 'a,b\r\n"x,y","say ""hi"""\r\n')
      assert.equal(csv(['a'], [['=1+1'], ['+cmd'], ['@x'], ['-2+3'], ['-2.50'], ['line\nbreak']]), "a\r\n'=1+1\r\n'+cmd\r\n'@x\r\n'-2+3\r\n-2.50\r\n\"line\nbreak\"\r\n")
    })

    const { match } = await load('core/match.ts')
    await t.test('addresses', () => {
      assert.deepEqual(match('/:org/keys', '/org_1/keys'), { org: 'org_1' })
      assert.deepEqual(match('/:org/keys', '/org_1/keys/'), { org: 'org_1' })
      assert.equal(match('/:org/keys', '/org_1/usage'), undefined)
      assert.equal(match('/:org/keys', '/org_1/keys/more'), undefined)
      assert.deepEqual(match('/operator/engines/:engine', '/operator/engines/a%20b'), { engine: 'a b' })
      assert.deepEqual(match('/:org', '/%ff'), { org: '%ff' })
    })

    const { plural } = await load('core/plural.ts')
    await t.test('plurals', () => {
      const en = plural('en')
      assert.equal(en(1, { one: '# key', other: '# keys' }), '1 key')
      assert.equal(en(1200, { one: '# key', other: '# keys' }), '1,200 keys')
      assert.equal(plural('fr')(0, { one: '# clé', other: '# clés' }), '0 clé')
      assert.equal(plural('zh')(2, { other: '# 个' }), '2 个')
    })

    const { snippets } = await load('core/snippets.ts')
    await t.test('snippets are filled in', () => {
      const all = snippets({ origin: 'https://m.example', key: 'sk-1', model: 'glm' })
      assert.equal(all.length, 8)
      for (const s of all) {
        assert.match(s.text, /https:\/\/m\.example/, s.key)
        assert.match(s.text, /sk-1/, s.key)
        assert.match(s.text, /glm/, s.key)
      }
      assert.doesNotThrow(() => JSON.parse(all.find((s) => s.key === 'opencode').text))
    })

    const usage = await load('pages/usage/series.ts')
    await t.test('usage as what a chart draws', () => {
      const figures = (charge, input) => ({
        requests: 1, errors: 0, calls: 1, tokens: { input, cached: 0, cache_write: 0, output: 1, reasoning: 0 },
        charges: [{ currency: 'USD', list: charge, charge, refund: '0', simulated: '0' }],
      })
      const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
      const point = (start, name, charge) => ({ start, name, ...figures(charge, 10) })
      const u = {
        step: 'hour', by: 'model', since: '2026-11-22T10:00:00Z', until: '2026-11-22T12:30:00Z',
        data: [point('2026-11-22T10:00:00Z', 'a', '0.1'), point('2026-11-22T12:00:00Z', 'a', '0.2'), ...names.slice(5).map((n) => point('2026-11-22T11:00:00Z', n, '0.000000000001'))],
        groups: names.map((name) => ({ name, ...figures('1', 1) })),
      }
      assert.deepEqual(usage.times(u), [0, 3600, 7200].map((s) => Date.parse(u.since) / 1000 + s))
      const drawn = usage.series(u, 'cost', 'USD', (g) => g.name, 'others')
      assert.deepEqual(drawn.map((s) => s.name), ['a', 'b', 'c', 'd', 'e', 'others'])
      assert.deepEqual(drawn[0].exact, ['0.1', '0', '0.2'])
      assert.deepEqual(drawn[5].exact, ['0', '0.000000000003', '0'])
      assert.deepEqual(usage.series(u, 'tokens', 'USD', (g) => g.name, 'others')[0].values, [11, 0, 11])
      assert.equal(usage.billed({ charges: [{ currency: 'USD', charge: '0.3', refund: '0.1' }, { currency: 'CNY', charge: '9', refund: '0' }] }, 'USD'), '0.2')
    })

    const { Problem, problemOf, asProblem } = await load('core/problem.ts')
    await t.test('problems are read in both forms', async () => {
      const own = await problemOf(new Response(JSON.stringify({ detail: 'No.', code: 'forbidden', errors: [{ location: 'body.name', message: 'too long' }] }), { status: 403, headers: { 'Retry-After': '7' } }))
      assert.deepEqual([own.message, own.code, own.status, own.retryAfter, own.faults[0].message], ['No.', 'forbidden', 403, 7, 'too long'])
      const other = await problemOf(new Response(JSON.stringify({ error: { message: 'Empty.', code: 'insufficient_funds' } }), { status: 402 }))
      assert.deepEqual([other.message, other.code], ['Empty.', 'insufficient_funds'])
      const broken = await problemOf(new Response('<html>', { status: 502, statusText: 'Bad Gateway' }))
      assert.deepEqual([broken.message, broken.status], ['Bad Gateway', 502])
      assert.equal(asProblem(new TypeError('x is undefined')).code, 'internal')
      const known = new Problem('x', 'y', 400)
      assert.equal(asProblem(known), known)
    })

    const format = await load('core/format.ts')
    await t.test('money is written exactly', () => {
      assert.equal(format.money('1234.5', 'USD'), '$1,234.50')
      assert.equal(format.money('9007199254740993.11', 'USD'), '$9,007,199,254,740,993.11')
      assert.equal(format.money('0.000000000001', 'USD', 'exact'), '$0.000000000001')
      assert.equal(format.money('0.00000986', 'USD'), '$0.0000099')
      assert.equal(format.money('0', 'USD'), '$0.00')
      assert.equal(format.money('-0.005', 'EUR'), '-€0.005')
    })
  })
})
