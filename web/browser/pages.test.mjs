// Every page of the navigation: without faults, accessible, at home on a
// phone, in both themes; and what must not happen to any of them.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { serious } from './accessible.mjs'
import { open, tab } from './browser.mjs'
import { fill } from './fill.mjs'
import { sluice, start } from './server.mjs'
import { setUp } from './signin.mjs'

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
const hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
const below = [ // pages that the navigation does not name
  '/console/operator/models/glm', '/console/operator/models/glm-4.6', '/console/operator/engines/box', '/console/operator/engines?tab=chips', '/console/operator/models?tab=files', '/console/operator/prices/new?currency=CNY',
  '/console/operator/plans/lite', '/console/operator/plans/new', '/console/operator/credits?tab=customers', '/console/operator/credits?tab=refunds',
]
let server, browser, state, filled, pages

before(async () => {
  server = await start()
  browser = await open()
  filled = await fill(server)
  await filled.models()
  await filled.plan()
  await filled.prices()
  await sluice(server, 'key', 'create', '--org', filled.org, '--name', hostile)
  const { page, context } = await tab(browser, server)
  await setUp(page, server)
  state = await context.storageState()
  await page.goto(`${server.url}/console/${filled.org}/start`)
  await page.getByRole('navigation').waitFor()
  pages = await page.locator('nav a').evaluateAll((links) => links.map((a) => a.getAttribute('href')))
  pages.push(...below, '/console/account')
  await context.close()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** Opens an address and waits until nothing is being loaded. */
async function settle(page, path) {
  await page.goto(server.url + path)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.waitForFunction(() => !document.querySelector('main [role=status]:has(.skeleton)'))
}

for (const colorScheme of ['light', 'dark']) {
  test(`every page is accessible (${colorScheme})`, async () => {
    const { page, context, faults } = await tab(browser, server, { storageState: state, colorScheme, reducedMotion: 'reduce' })
    assert.ok(pages.length >= 8, `the navigation has ${pages.length} pages`)
    const found = []
    for (const path of pages) {
      await settle(page, path)
      for (const fault of await serious(page)) found.push(`${path} ${fault}`)
    }
    assert.deepEqual(found, [])
    assert.deepEqual(faults, [])
    await context.close()
  })
}

test('what opens over a page is accessible', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const { page, context, faults } = await tab(browser, server, { storageState: state, colorScheme, reducedMotion: 'reduce' })
    const found = []
    const look = async (what) => { for (const fault of await serious(page)) found.push(`${what} ${fault}`) }
    await settle(page, `/console/${filled.org}/keys`)
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').waitFor()
    await look('palette')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: /^Actions/ }).first().click()
    await page.getByRole('menuitem').first().waitFor()
    await look('menu')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByText('Limits and models').click()
    await look('form')
    await settle(page, '/console/operator/engines')
    await page.getByRole('button', { name: 'Add an engine' }).click()
    await page.getByText('Limits and quirks').click()
    await look('engine')
    await settle(page, '/console/operator/prices/new?currency=CNY')
    await page.getByRole('button', { name: 'Actions: glm-4.6' }).click()
    await page.getByRole('menuitem', { name: 'All its prices…' }).click()
    await look('prices of a model')
    await settle(page, '/console/operator/models/glm')
    await page.getByRole('button', { name: 'Change', exact: true }).click()
    await look('model')
    await settle(page, `/console/${filled.org}/usage?tab=requests`)
    await page.getByRole('row').nth(1).click()
    await page.getByText('Booked as').waitFor()
    await look('receipt')
    assert.deepEqual(found, [])
    assert.deepEqual(faults, [])
    await context.close()
  }
})

for (const language of ['en', 'fr', 'zh']) {
  test(`every page fits a phone (${language})`, async () => {
    const { page, context, faults } = await tab(browser, server, { storageState: state, ...phone })
    await settle(page, pages[0])
    await page.evaluate((l) => localStorage.setItem('language', l), language)
    const found = []
    for (const path of pages) {
      await settle(page, path)
      const [have, room] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth])
      if (have > room) found.push(`${path}: ${have} > ${room}`)
      const text = await page.locator('body').innerText()
      if (/undefined|\[object|NaN/.test(text)) found.push(`${path}: ${/.{0,40}(undefined|\[object|NaN).{0,40}/.exec(text)?.[0]}`)
    }
    assert.deepEqual(found, [])
    assert.deepEqual(faults, [])
    await context.close()
  })
}

test('the navigation of a phone', async () => {
  const { page, context, faults } = await tab(browser, server, { storageState: state, ...phone })
  await settle(page, pages[0])
  await page.getByRole('button', { name: 'Menu', exact: true }).click()
  await page.getByRole('link', { name: 'Keys' }).click()
  await page.getByRole('heading', { name: 'Keys', level: 1 }).waitFor()
  await page.waitForFunction(() => getComputedStyle(document.querySelector('aside')).visibility === 'hidden')
  assert.deepEqual(faults, [])
  await context.close()
})

test('a hostile name is a name', async () => {
  const { page, context, faults } = await tab(browser, server, { storageState: state })
  page.on('dialog', (dialog) => faults.push(`a script ran: ${dialog.message()}`))
  for (const path of [`/console/${filled.org}/keys`, `/console/${filled.org}/usage?by=key`, `/console/${filled.org}/usage?tab=requests`]) await settle(page, path)
  await page.goto(`${server.url}/console/${filled.org}/keys`)
  await page.getByText(hostile).waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  assert.deepEqual(faults, [])
  await context.close()
})

test('the policy lets nothing inline run', async () => {
  const { page, context } = await tab(browser, server, { storageState: state })
  await settle(page, pages[0])
  const ran = await page.evaluate(() => {
    const script = document.createElement('script')
    script.textContent = 'window.ran = true'
    document.body.append(script)
    const frame = document.createElement('div')
    frame.innerHTML = '<img src="x" onerror="window.ran = true"><p style="color: rgb(1, 2, 3)">x</p>'
    document.body.append(frame)
    return [window.ran === true, getComputedStyle(frame.querySelector('p')).color === 'rgb(1, 2, 3)']
  })
  assert.deepEqual(ran, [false, false])
  await context.close()
})

test('100,000 requests scroll', async () => {
  const { page, context, faults } = await tab(browser, server, { storageState: state })
  const many = 100_000
  const call = (i) => ({
    id: `call_${i}`, time: '2026-11-22T10:00:00Z', ended_at: '2026-11-22T10:00:01Z', organisation: filled.org, key: 'key_1', model: `model ${i}`, engine: 'box',
    endpoint: '/v1/chat/completions', status: 'completed', estimated: false, simulated: false, currency: 'USD', list: '0.01', charge: '0.01', price_book: 'book_1',
    duration_ms: 1000, tokens: { input: 1, cached: 0, cache_write: 0, output: 1, reasoning: 0 },
  })
  await page.route('**/api/**/usage?*', (route) => route.fulfill({ json: { data: Array.from({ length: many }, (_, i) => call(i)) } }))
  await settle(page, `/console/${filled.org}/usage?tab=requests`)
  await page.getByText('model 0', { exact: true }).waitFor()
  const slowest = await page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done))
    let worst = 0
    for (let y = 0; y <= 40; y++) {
      const begin = performance.now()
      scrollTo(0, (document.scrollingElement.scrollHeight * y) / 40)
      await frame()
      await frame()
      worst = Math.max(worst, performance.now() - begin)
    }
    return worst
  })
  await page.getByText(`model ${many - 1}`, { exact: true }).waitFor()
  const rows = await page.locator('main tbody tr').count()
  assert.ok(rows < 200, `${rows} rows are in the document`)
  assert.ok(slowest < 1000, `a step of the scrolling took ${slowest} ms`)
  console.log(`100,000 rows: ${rows} in the document, slowest step ${slowest.toFixed(0)} ms`)
  assert.deepEqual(faults, [])
  await context.close()
})

test('the page is there soon, and again from the cache', async () => {
  const { page, context } = await tab(browser, server, { storageState: state })
  const begin = performance.now()
  await settle(page, `/console/${filled.org}/start`)
  console.log(`cold start page: ${(performance.now() - begin).toFixed(0)} ms`)
  const kept = await page.evaluate(async () => {
    const scripts = performance.getEntriesByType('resource').filter((r) => r.name.endsWith('.js'))
    return { n: scripts.length, bytes: scripts.reduce((sum, r) => sum + r.encodedBodySize, 0) }
  })
  assert.ok(kept.bytes <= 80 * 1024, `${kept.bytes} bytes of JavaScript in ${kept.n} files`)
  await page.reload()
  await page.getByRole('heading', { level: 1 }).waitFor()
  const fetched = await page.evaluate(() => performance.getEntriesByType('resource').filter((r) => r.name.includes('/_/') && r.transferSize > 0).length)
  assert.equal(fetched, 0, 'files are fetched again')
  await context.close()
})
