// What people do in the console, in a real Chromium against the real binary.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open, tab } from './browser.mjs'
import { call, fill } from './fill.mjs'
import { sluice, start } from './server.mjs'
import { password, setUp } from './signin.mjs'

let server, browser, state, filled

before(async () => {
  server = await start()
  browser = await open()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** Runs a journey in a tab of its own, signed in unless `state` is null, and fails on what goes wrong in the page. */
function journey(name, run, options = {}) {
  test(name, async () => {
    const t = await tab(browser, server, { storageState: state, ...options })
    try {
      await run(t.page, t)
      assert.deepEqual(t.faults, [])
    } catch (error) {
      error.message += `\n${t.page.url()}\n${(await t.page.locator('body').innerText().catch(() => '')).slice(0, 1500)}`
      throw error
    } finally {
      await t.context.close()
    }
  })
}

const console_ = (path) => server.url + '/console' + path

journey('from the first run to the first answer', async (page, t) => {
  await setUp(page, server)
  state = await t.context.storageState()
  const [trial] = await sluice(server, 'org', 'list').then((found) => (Array.isArray(found) ? found : (found.data ?? [found])))
  await page.goto(console_(`/${trial.id}/start`))
  await page.getByRole('button', { name: 'Create a key' }).click()
  await page.getByLabel('Name').fill('my first key')
  await page.getByRole('dialog').getByRole('button', { name: 'Create a key' }).click()
  await page.getByRole('heading', { name: 'Keep this key now' }).waitFor()
  const secret = await page.getByRole('dialog').locator('code').innerText()
  assert.match(secret, /^sk-/)
  await page.getByRole('button', { name: 'I have kept it' }).click()
  assert.ok(!(await page.locator('main').innerText()).includes(secret), 'the whole key stays on the page')

  const answer = await call(server, secret)
  assert.ok(answer.choices[0].message.content)
  await page.goto(console_(`/${trial.id}/usage?tab=requests`))
  await page.getByRole('row').nth(1).click()
  await page.getByRole('heading', { name: 'Receipt' }).waitFor()
  await page.getByText('Output', { exact: true }).waitFor()
  const bill = (await sluice(server, 'usage', '--org', trial.id)).charge ?? ''
  if (bill) await page.getByText(bill).first().waitFor()

  filled = await fill(server)
}, {})

journey('a key is made, used, changed and revoked', async (page) => {
  await page.goto(console_(`/${filled.org}/keys`))
  await page.getByRole('button', { name: 'Create a key' }).first().click()
  await page.getByLabel('Name').fill('shop')
  await page.getByLabel('Spending cap').fill('25.00')
  await page.getByRole('dialog').getByRole('button', { name: 'Create a key' }).click()
  const secret = await page.getByRole('dialog').locator('code').innerText()
  await page.getByRole('button', { name: 'I have kept it' }).click()
  await call(server, secret, 'Hello!')
  const row = page.getByRole('row', { name: /shop/ })
  await row.click()
  await page.getByLabel('Name').fill('shop, production')
  await page.getByLabel('Spending cap').fill('')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('shop, production').waitFor()
  await page.getByRole('button', { name: /Actions: shop, production/ }).click()
  await page.getByRole('menuitem', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByText('The key is revoked.').waitFor()
  await assert.rejects(call(server, secret), /401/)
})

journey('a top-up by bank transfer arrives', async (page) => {
  await page.goto(console_(`/${filled.org}/balance`))
  await page.getByRole('button', { name: 'Top up' }).click()
  await page.getByRole('button', { name: '$20' }).click()
  await page.getByLabel('Pay by').selectOption('manual')
  await page.getByRole('button', { name: 'Ask for the transfer' }).click()
  const reference = await page.getByRole('dialog').locator('code').innerText()
  await sluice(server, 'payment', 'confirm', reference, '--org', filled.org, '--amount', '20.00', '--reference', 'bank-4711')
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
  await page.getByRole('tab', { name: 'Payments' }).click()
  await page.getByText('Paid', { exact: true }).last().waitFor()
  await page.locator('dd', { hasText: '$220.00' }).waitFor() // with the 200 of before
})

journey('a plan is bought, and its meter moves', async (page) => {
  await filled.plan()
  await page.goto(console_(`/${filled.org}/plan`))
  await page.getByRole('button', { name: 'Subscribe' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Subscribe' }).click()
  await page.getByRole('meter').first().waitFor()
  assert.equal(await page.getByRole('meter').first().getAttribute('aria-valuetext'), '0 of 50 prompts')
  await call(server, filled.keys[0].key, 'Hello!')
  await page.waitForFunction(() => document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') === '1 of 50 prompts', undefined, { timeout: 15_000 })
})

journey('a budget is set', async (page) => {
  await page.goto(console_(`/${filled.org}/limits`))
  await page.getByRole('button', { name: 'Add a budget' }).click()
  await page.getByLabel('Name').fill('November')
  await page.getByLabel('Amount').fill('100.00')
  await page.getByRole('dialog').getByRole('button', { name: 'Add a budget' }).click()
  await page.getByText('November').waitFor()
  await page.getByText('of $100.00').waitFor()
})

journey('three languages, with their numbers', async (page) => {
  await page.goto(console_(`/${filled.org}/balance`))
  await page.getByRole('heading', { name: 'Balance', level: 1 }).waitFor()
  for (const [choice, lang, heading, amount] of [
    ['Français', 'fr', 'Solde', /\$/], ['简体中文', 'zh-Hans', '余额', /\$/], ['English', 'en', 'Balance', /^\$/],
  ]) {
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').fill(choice)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
    assert.equal(await page.locator('html').getAttribute('lang'), lang)
    assert.match(await page.locator('dd').first().innerText(), amount)
  }
  await page.evaluate(() => localStorage.setItem('language', 'fr'))
  await page.reload()
  await page.getByRole('heading', { name: 'Solde', level: 1 }).waitFor()
  assert.match(await page.locator('dd').first().innerText(), /,\d\d.\$/u)
})

journey('by keyboard alone', async (page) => {
  await page.goto(console_(`/${filled.org}/start`))
  await page.getByRole('heading', { name: 'Start', level: 1 }).waitFor()
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to the content')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'content')
  await page.keyboard.press('g')
  await page.keyboard.press('k')
  await page.getByRole('heading', { name: 'Keys', level: 1 }).waitFor()
  await page.keyboard.press('Control+k')
  await page.keyboard.type('usag')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor()
  await page.keyboard.press('?')
  await page.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor({ state: 'hidden' })
  await page.keyboard.press('g')
  await page.keyboard.press('k')
  await page.getByRole('heading', { name: 'Keys', level: 1 }).waitFor()
  await page.getByRole('button', { name: 'Create a key' }).first().focus()
  await page.keyboard.press('Enter')
  await page.getByLabel('Name').focus()
  await page.keyboard.type('by keyboard')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Keep this key now' }).waitFor()
  await page.getByRole('button', { name: 'I have kept it' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('by keyboard').waitFor()
})

journey('a session that ends is taken up again on the same page', async (page, t) => {
  await page.goto(console_(`/${filled.org}/keys`))
  await page.getByRole('button', { name: 'Create a key' }).first().click()
  await page.getByLabel('Name').fill('typed before')
  await t.context.clearCookies()
  await page.getByRole('dialog').getByRole('button', { name: 'Create a key' }).click()
  await page.getByRole('heading', { name: 'You have been signed out' }).waitFor()
  const [other] = await Promise.all([t.context.waitForEvent('page'), page.getByRole('button', { name: 'Sign in' }).click()])
  await other.getByLabel('E-mail').fill('ada@example.com')
  await other.getByLabel('Password').fill(password)
  await other.getByRole('button', { name: 'Sign in' }).click()
  await other.waitForURL(/\/console\//)
  await other.close()
  await page.getByRole('button', { name: 'I have signed in' }).click()
  await page.getByRole('heading', { name: 'You have been signed out' }).waitFor({ state: 'hidden' })
  assert.equal(await page.getByLabel('Name').inputValue(), 'typed before')
  await page.getByRole('dialog').getByRole('button', { name: 'Create a key' }).click()
  await page.getByRole('heading', { name: 'Keep this key now' }).waitFor()
  state = await t.context.storageState() // the session before is over
})

journey('signing out and in, to the page that was asked for', async (page) => {
  await page.goto(console_(`/${filled.org}/usage`))
  await page.getByRole('button', { name: /Ada Byron/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.waitForURL(/\/signin/)
  await page.goto(console_(`/${filled.org}/limits`))
  await page.waitForURL(/\/signin\?.*next=/)
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(/\/limits/)
  await page.getByRole('heading', { name: 'Limits', level: 1 }).waitFor()
  state = await page.context().storageState()
})

journey('a lost connection is said, and retried', async (page, t) => {
  await page.route('**/api/**/balance', (route) => route.abort())
  await page.goto(console_(`/${filled.org}/balance`))
  await page.getByText('The server could not be reached.').waitFor()
  await page.unroute('**/api/**/balance')
  await page.getByRole('button', { name: 'Try again' }).first().click()
  await page.getByText('Available').waitFor()
  t.faults.length = 0
})

journey('what the server refuses is told with its cause', async (page) => {
  await page.goto(console_(`/${filled.org}/balance`))
  await page.getByRole('button', { name: 'Redeem a code' }).click()
  await page.getByRole('textbox', { name: 'Code' }).fill('SLUICE-NOT-A-CODE')
  await page.getByRole('dialog').getByRole('button', { name: 'Redeem a code' }).click()
  const said = page.getByRole('dialog').getByRole('alert')
  await said.waitFor()
  assert.ok((await said.innerText()).length > 10)
})

journey('a tab of an older build takes the new one', async (page) => {
  await page.goto(console_(`/${filled.org}/start`))
  await page.getByRole('heading', { name: 'Start', level: 1 }).waitFor()
  let missing = 0
  await page.route('**/assets/Keys.js', (route) => (missing++ === 0 ? route.fulfill({ status: 404, body: '' }) : route.continue()))
  await page.getByRole('link', { name: 'Keys' }).click()
  await page.getByRole('heading', { name: 'Keys', level: 1 }).waitFor()
  assert.equal(missing, 2)
})

