// Questions of what would have been, and where bars stand.
import assert from 'node:assert/strict'
import test from 'node:test'
import { modules } from './load.mjs'

test('the books', async (t) => {
  await modules(async (load) => {
    const { faults, question, scaled, unchanged } = await load('pages/whatif/question.ts')
    const { drawn } = await load('pages/statements/waterfall.ts')
    const { periods } = await load('pages/statements/segments.ts')

    await t.test('prices are scaled exactly, wherever they stand', () => {
      const list = { model: 'm', input: '0.60', cached: '0.000001', output: '2.20', context: 8, tiers: [{ from: 1000, input: '1.000005' }], steps: [{ class: 'input', steps: [{ from: 0, price: '0' }] }] }
      assert.deepEqual(scaled(list, 90n * 10n ** 12n), { model: 'm', input: '0.54', cached: '0.000001', output: '1.98', context: 8, tiers: [{ from: 1000, input: '0.900005' }], steps: [{ class: 'input', steps: [{ from: 0, price: '0' }] }] })
      assert.deepEqual(scaled(list, 100n * 10n ** 12n), { ...list, input: '0.6', output: '2.2' })
    })
    await t.test('a question says what is changed, and nothing else', () => {
      const days = { day: '2026-11-21', currency: 'USD' }
      assert.deepEqual(question(unchanged(), days, undefined), days)
      const form = { ...unchanged(), hitRate: '70', elasticity: '-.5', hourCost: '110', follows: '60', from: 'a', to: 'b', moved: '20', plan: 'plan_1', prices: 'book', book: 'in_force' }
      assert.deepEqual(faults(form), [])
      assert.deepEqual(question(form, days, undefined), { ...days, price_book: 'in_force', plan: 'plan_1', hit_rate: '0.7', elasticity: '-0.5', hour_cost: '1.1', cost_follows: '0.6', moves: [{ from: 'a', to: 'b', percent: 20 }] })
    })
    await t.test('what does not fit is found', () => {
      assert.deepEqual(faults({ ...unchanged(), prices: 'scaled', percent: '', hitRate: '101', elasticity: '0.1', follows: 'x' }), ['percent', 'hitRate', 'elasticity', 'follows'])
      assert.deepEqual(faults({ ...unchanged(), prices: 'book' }), ['book'])
    })
    await t.test('a waterfall falls, also below nothing', () => {
      const bars = drawn([{ name: 'a', amount: '8' }, { name: 'b', amount: '-10' }, { name: 'c', amount: '-2', total: true }])
      assert.deepEqual(bars.map((b) => [b.kind, b.from, b.to]), [['sum', 0.2, 1], ['down', 0, 1], ['sum', 0, 0.2]])
      assert.deepEqual(drawn([{ name: 'a', amount: '0', total: true }]).map((b) => [b.from, b.to]), [[0, 0]])
    })
    await t.test('periods are whole, and end yesterday', () => {
      const months = periods('month', new Date('2026-03-01T05:00:00Z'))
      assert.deepEqual([months[0], months.at(-1)], [{ name: '2025-09', day: '2025-09-01', through: '2025-09-30' }, { name: '2026-02', day: '2026-02-01', through: '2026-02-28' }])
      assert.deepEqual(periods('quarter', new Date('2026-11-22T00:00:00Z')).at(-1), { name: '2026 Q4', day: '2026-10-01', through: '2026-11-21' })
      assert.deepEqual(periods('year', new Date('2026-01-01T00:00:00Z')).map((p) => p.name), ['2023', '2024', '2025'])
    })
  })
})
