// What people do in the console, in a real Chromium against the real binary.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { call, fill } from './fill.mjs'
import { sluice } from './server.mjs'
import { password, setUp, signIn } from './signin.mjs'
import { stage } from './stage.mjs'

let filled
const { server, journey, newTab } = stage()
const console_ = (path) => server.url + '/console' + path

journey('from the first run to the first answer', async (page, t) => {
  await setUp(page, server)
  await t.keep()
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
  console.log(`from starting the server to an administrator, a key and an answer: ${((performance.now() - server.begun) / 1000).toFixed(1)} s`)
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
  const [other] = await Promise.all([t.context.waitForEvent('page'), page.getByRole('button', { name: 'Sign in', exact: true }).click()])
  await other.getByLabel('E-mail').fill('ada@example.com')
  await other.getByLabel('Password').fill(password)
  await other.getByRole('button', { name: 'Sign in', exact: true }).click()
  await other.waitForURL(/\/console\//)
  await other.close()
  await page.getByRole('button', { name: 'I have signed in' }).click()
  await page.getByRole('heading', { name: 'You have been signed out' }).waitFor({ state: 'hidden' })
  assert.equal(await page.getByLabel('Name').inputValue(), 'typed before')
  await page.getByRole('dialog').getByRole('button', { name: 'Create a key' }).click()
  await page.getByRole('heading', { name: 'Keep this key now' }).waitFor()
  await t.keep() // the session before is over
})

journey('signing out and in, to the page that was asked for', async (page, t) => {
  await page.goto(console_(`/${filled.org}/usage`))
  await page.getByRole('button', { name: /Ada Byron/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.waitForURL(/\/signin/)
  await page.goto(console_(`/${filled.org}/limits`))
  await page.waitForURL(/\/signin\?.*next=/)
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(/\/limits/)
  await page.getByRole('heading', { name: 'Limits', level: 1 }).waitFor()
  await t.keep()
})

journey('a lost connection is said, and retried', async (page) => {
  await page.route('**/api/**/balance', (route) => route.abort())
  await page.goto(console_(`/${filled.org}/balance`))
  await page.getByText('The server could not be reached.').waitFor()
  await page.unroute('**/api/**/balance')
  await page.getByRole('button', { name: 'Try again' }).first().click()
  await page.getByText('Available').waitFor()
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


journey('a customer is added, and credit is booked once', async (page) => {
  await page.goto(console_('/operator/customers'))
  await page.getByRole('button', { name: 'Add a customer' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Globex')
  await page.getByLabel('Currency').selectOption('EUR')
  await page.getByRole('dialog').getByRole('button', { name: 'Add a customer' }).click()
  await page.getByRole('row', { name: /Globex/ }).waitFor()
  await page.getByRole('button', { name: 'Actions: Globex' }).click()
  await page.getByRole('menuitem', { name: 'Book credit' }).click()
  await page.getByLabel('Amount').fill('75.50')
  await page.getByRole('dialog').getByRole('button', { name: 'Book credit' }).dblclick()
  await page.getByRole('row', { name: /Globex.*€75\.50/ }).waitFor()
  await page.getByRole('row', { name: /Globex/ }).click()
  await page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor()
})

journey('an organisation that is not among the first is opened by its address', async (page) => {
  await page.route('**/api/v1/organisations?*', (route) => route.fulfill({ json: { data: [] } }))
  await page.goto(console_(`/${filled.org}/usage`))
  await page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor()
  await page.goto(console_('/org_06f2k8c0q5xg3e8v7m1n4r9t2w/usage'))
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
})

journey('today is live', async (page) => {
  await page.goto(console_('/operator/today'))
  await page.getByText('Live', { exact: true }).waitFor()
  const served = page.getByRole('row', { name: /^box/ }).getByRole('cell').nth(6)
  const before = Number(await served.innerText())
  await call(server, filled.keys[0].key, 'Hello!')
  await page.waitForFunction(([text, was]) => Number(document.querySelector(text)?.textContent) > was, ['main table[aria-label=Engines] tbody tr td:nth-child(7)', before])
})

journey('somebody is invited, after a proof, and the role is taken away again', async (page) => {
  await page.goto(console_(`/${filled.org}/members`))
  await page.getByRole('button', { name: 'Invite' }).click()
  await page.getByLabel('E-mail').fill('grace@example.com')
  await page.getByLabel('Viewer').check()
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click()
  await proven(page, page.getByRole('heading', { name: 'Send them this link' }))
  assert.match(await page.getByRole('dialog').locator('code').innerText(), /^http/)
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('row', { name: /grace@example.com/ }).waitFor()
  await page.getByRole('button', { name: 'End the invitation: grace@example.com' }).click()
  await page.getByRole('row', { name: /grace@example.com/ }).waitFor({ state: 'hidden' })
})

journey('who is invited to look sees the organisation, and changes nothing', async (page) => {
  await page.goto(console_(`/${filled.org}/members`))
  await page.getByRole('button', { name: 'Invite' }).click()
  await page.getByLabel('E-mail').fill('hopper@example.com')
  await page.getByLabel('Viewer').check()
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click()
  await proven(page, page.getByRole('heading', { name: 'Send them this link' }))
  const link = await page.getByRole('dialog').locator('code').innerText()

  const guest = await newTab()
  await guest.page.goto(link)
  await guest.page.getByLabel('Password').fill('another long password')
  await guest.page.getByRole('button', { name: 'Create the account' }).click()
  await guest.page.waitForURL(/\/console\//)
  await guest.page.getByRole('link', { name: 'Usage' }).waitFor()
  const seen = await guest.page.locator('nav a').allInnerTexts()
  for (const hidden of ['Keys', 'Webhooks', 'Team']) assert.ok(!seen.some((s) => s.trim() === hidden), `a viewer sees ${hidden}`)
  for (const path of ['balance', 'limits', 'plan', 'members', 'invoices', 'start']) {
    await guest.page.goto(console_(`/${filled.org}/${path}`))
    await guest.page.getByRole('heading', { level: 1 }).waitFor()
    await guest.page.waitForFunction(() => !document.querySelector('main [role=status]:has(.skeleton)'))
    assert.equal(await guest.page.getByRole('alert').count(), 0, `${path}: ${await guest.page.locator('main').innerText()}`)
    for (const verb of ['Create a key', 'Top up', 'Redeem a code', 'Add a budget', 'Add a project', 'Invite', 'Cancel the subscription', 'Change']) {
      assert.equal(await guest.page.getByRole('button', { name: verb, exact: true }).count(), 0, `${path}: a viewer is offered “${verb}”`)
    }
  }
  await guest.page.goto(console_(`/${filled.org}/keys`))
  await guest.page.getByRole('heading', { name: 'There is no such page' }).waitFor()
  assert.deepEqual(guest.faults, [])
  await guest.context.close()
})

journey('a second factor is set up, and asked for', async (page, t) => {
  await page.goto(console_('/account'))
  await page.getByRole('button', { name: 'Set it up' }).click()
  const secret = page.getByRole('dialog').locator('code').first()
  await proven(page, secret)
  const key = await secret.innerText()
  await page.getByRole('textbox', { name: 'Code' }).fill(totp(key))
  await page.getByRole('button', { name: 'Take it into use' }).click()
  await page.getByRole('heading', { name: 'Recovery codes' }).waitFor()
  const recovery = (await page.getByRole('dialog').locator('code').innerText()).split('\n')
  assert.ok(recovery.length >= 8)
  await page.getByRole('button', { name: 'I have kept them' }).click()
  await page.getByText('On', { exact: true }).waitFor()

  await t.context.clearCookies()
  await signIn(page, server, 'code', recovery[0])
  await page.goto(console_('/account'))
  await page.getByRole('button', { name: 'Switch it off' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Switch it off' }).click()
  await proven(page, page.getByText('No code is asked for any longer.'), recovery[1])
  await t.keep()
})

journey('prices are changed: the difference is seen, and published', async (page) => {
  await page.goto(console_('/operator/prices'))
  await page.getByRole('link', { name: 'Change prices' }).click()
  await page.getByRole('button', { name: 'See the difference' }).click()
  await page.getByRole('heading', { name: 'Nothing changes' }).waitFor()
  await page.getByRole('button', { name: 'Keep editing' }).click()
  await page.getByRole('textbox', { name: 'tiny-chat: Output' }).fill('3.5')
  await page.getByRole('button', { name: 'Actions: tiny-chat' }).click()
  await page.getByRole('menuitem', { name: 'All its prices…' }).click()
  await page.getByRole('button', { name: 'Add a condition' }).click()
  await page.getByRole('dialog').getByLabel('thinking').last().check()
  await page.getByRole('dialog').getByRole('textbox', { name: 'Output' }).last().fill('1.75')
  await page.getByRole('dialog').getByRole('button', { name: 'Take over' }).click()
  await page.getByText('and 2 other prices').waitFor()

  await page.getByRole('button', { name: 'See the difference' }).click()
  await page.getByRole('table', { name: 'Changes' }).getByRole('row', { name: /tiny-chat Output .*3\.50/ }).waitFor()
  await page.getByRole('table', { name: 'Whom it touches' }).getByRole('row', { name: /Acme Research/ }).waitFor()
  const past = page.getByRole('table', { name: 'The last seven days under this list' }).getByRole('row', { name: /tiny-chat/ })
  await past.waitFor()
  const [was, would] = (await past.getByRole('cell').allInnerTexts()).slice(2, 4).map((text) => Number(text.replace('$', '')))
  assert.ok(would > was, `dearer answers would have come to ${would}, and came to ${was}`)

  // Somebody else publishes meanwhile: what was looked at is no longer what would be done.
  await sluice(server, 'model', 'price', 'other', '--input', '0.10', '--output', '0.20', '--currency', 'USD')
  await page.getByRole('button', { name: 'Publish now' }).click()
  await page.getByText('Somebody has published another book since you began.').waitFor()
  await page.getByRole('row', { name: /other .*Goes/ }).first().waitFor()
  await page.getByRole('button', { name: 'Publish now' }).click()
  await page.getByRole('heading', { name: /^USD prices of/, level: 1 }).waitFor()
  await page.getByRole('row', { name: /^thinking/ }).waitFor()
  const now = await sluice(server, 'price', 'now', 'tiny-chat', '--currency', 'USD')
  assert.equal(now.prices.output, '3.50')
})

journey('an engine is added by its URL, and asked what it can do', async (page) => {
  const fake = createServer(answerAsAnEngine).listen(0, '127.0.0.1')
  await once(fake, 'listening')
  try {
    await page.goto(console_('/operator/engines'))
    await page.getByRole('button', { name: 'Add an engine' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('gpu7')
    await dialog.getByRole('textbox', { name: 'URL' }).fill(`http://127.0.0.1:${fake.address().port}`)
    await dialog.getByRole('textbox', { name: 'Models' }).fill('qwen3 = Qwen/Qwen3-32B')
    await dialog.getByText('Limits and quirks').click()
    await dialog.getByRole('textbox', { name: 'A stream begins within' }).fill('soon')
    await dialog.getByText('A time such as 30s or 2m').waitFor()
    await dialog.getByRole('textbox', { name: 'A stream begins within' }).fill('90s')
    await dialog.getByRole('button', { name: 'Add an engine' }).click()
    await page.getByRole('heading', { name: 'gpu7', level: 1 }).waitFor()
    await page.getByText('1m30s', { exact: true }).waitFor()
    // The server asks a new engine by itself: one that is being asked already is refused, and asked again in a moment.
    let answered = false
    for (let tries = 0; tries < 12 && !answered; tries++) {
      await page.getByRole('button', { name: /^Ask it/ }).click()
      answered = await page.getByText('It has answered.').waitFor({ timeout: 5_000 }).then(() => true, () => false)
    }
    assert.ok(answered, 'the engine was not asked')
    await page.getByText('Totals are exact, but what came from its cache is charged as fresh input').waitFor()
    await page.getByRole('link', { name: 'qwen3' }).click()
    await page.getByRole('heading', { name: 'qwen3', level: 1 }).waitFor()
    await page.getByText('No price', { exact: true }).waitFor()
    await page.goto(console_('/operator/engines/gpu7'))
    await page.getByRole('button', { name: 'Actions: gpu7' }).click()
    await page.getByRole('menuitem', { name: 'Remove' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('heading', { name: 'Engines', level: 1 }).waitFor()
    await page.getByRole('row', { name: /^box/ }).waitFor()
    assert.equal(await page.getByRole('row', { name: /gpu7/ }).count(), 0)
  } finally {
    fake.close()
    fake.closeAllConnections()
  }
})

journey('a model stands for two versions, and their weights are changed', async (page) => {
  await sluice(server, 'engine', 'add', 'twin', '--url', 'sim:h100?seed=1', '--model', 'next-chat')
  await sluice(server, 'model', 'price', 'next-chat', '--input', '0.10', '--output', '0.20', '--currency', 'USD')
  await page.goto(console_('/operator/models'))
  await page.getByRole('button', { name: 'Add a model' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Model', { exact: true }).fill('chat')
  for (const [i, version] of ['tiny-chat', 'next-chat'].entries()) {
    await dialog.getByRole('button', { name: 'Add a version' }).click()
    await dialog.getByRole('combobox', { name: 'Version' }).nth(i).selectOption(version)
  }
  await dialog.getByRole('button', { name: 'Add a model' }).click()
  await page.getByRole('heading', { name: 'chat', level: 1 }).waitFor()
  await page.getByRole('listitem').filter({ hasText: 'tiny-chat' }).getByText('90%').waitFor()
  await page.getByRole('button', { name: 'Change', exact: true }).click()
  await page.getByRole('dialog').getByLabel(/^Weight/).nth(1).fill('270')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByRole('listitem').filter({ hasText: 'next-chat' }).getByText('75%').waitFor()
  const payer = await sluice(server, 'org', 'create', 'Versions', '--currency', 'USD', '--credit', '5.00') // without a plan, which would serve one of the two
  const key = await sluice(server, 'key', 'create', '--org', payer.id)
  await call(server, key.key, 'Hello!', 8, 'chat')
  await page.getByRole('button', { name: 'Actions: chat' }).click()
  await page.getByRole('menuitem', { name: 'Hide' }).click()
  await page.getByText('Hidden', { exact: true }).waitFor()
  const listed = await fetch(server.url + '/v1/models', { headers: { Authorization: `Bearer ${key.key}` } }).then((r) => r.json())
  assert.ok(!listed.data.some((m) => m.id === 'chat'), 'a hidden model is listed')
})

journey('a plan is written, seen as what changes, and published', async (page) => {
  await page.goto(console_('/operator/plans/new'))
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Coding Max')
  await page.getByRole('textbox', { name: 'Short name' }).fill('max')
  await page.getByRole('textbox', { name: 'Month' }).fill('30.00')
  await page.getByLabel('tiny-chat').check()
  await page.getByRole('button', { name: 'Look at it' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Publish' }).click()
  await page.getByRole('heading', { name: 'Coding Max', level: 1 }).waitFor()
  await page.getByText('On sale', { exact: true }).first().waitFor()
  await page.getByRole('link', { name: 'Change' }).click()
  await page.getByRole('textbox', { name: 'Limit' }).first().fill('120')
  await page.getByRole('button', { name: 'See the difference' }).click()
  await page.getByRole('dialog').getByText('Windows', { exact: true }).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Publish' }).click()
  await page.getByText('120 prompts in 5 hours').waitFor()
  await page.getByRole('table', { name: 'Versions' }).getByRole('row', { name: /Replaced/ }).waitFor()
})

journey('codes are made, shown once, redeemed and ended; a call is given back', async (page) => {
  await page.goto(console_('/operator/credits'))
  await page.getByRole('button', { name: 'Make codes' }).click()
  await page.getByLabel('How many').fill('2')
  await page.getByLabel('Each worth').fill('5.00')
  await page.getByRole('dialog').getByRole('button', { name: 'Make codes' }).click()
  await page.getByRole('heading', { name: 'Keep these 2 codes now' }).waitFor()
  const [code] = (await page.getByRole('dialog').locator('code').innerText()).split('\n')
  await page.getByRole('button', { name: 'I have kept them' }).click()
  await page.goto(console_(`/${filled.org}/balance`))
  await page.getByRole('button', { name: 'Redeem a code' }).click()
  await page.getByRole('textbox', { name: 'Code' }).fill(code)
  await page.getByRole('dialog').getByRole('button', { name: 'Redeem a code' }).click()
  await page.goto(console_('/operator/credits'))
  await page.getByRole('row', { name: /Used up/ }).waitFor()
  await page.getByRole('button', { name: /^Actions/ }).click()
  await page.getByRole('menuitem', { name: 'End it' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click()
  await page.getByRole('row', { name: /Ended/ }).waitFor()

  const other = await sluice(server, 'org', 'create', 'Refunds', '--currency', 'USD', '--credit', '5.00')
  const key = await sluice(server, 'key', 'create', '--org', other.id)
  await call(server, key.key, 'Hello!')
  const calls = await fetch(`${server.url}/api/v1/organisations/${other.id}/usage`, { headers: { Authorization: `Bearer ${key.key}` } }).then((r) => r.json())
  await page.goto(console_(`/operator/credits?tab=refunds&call=${calls.data[0].id}`))
  await page.getByRole('button', { name: 'Give back' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Give back' }).click()
  await proven(page, page.getByText('It is given back.'))
})

/** An engine that counts, and says nothing of its cache. */
function answerAsAnEngine(request, response) {
  const usage = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 }
  const json = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  if (request.url === '/v1/models') return json(200, { object: 'list', data: [{ id: 'Qwen/Qwen3-32B', object: 'model', max_model_len: 32768 }] })
  if (request.url !== '/v1/chat/completions') return json(404, { error: { message: 'not here' } })
  let body = ''
  request.on('data', (part) => (body += part))
  request.on('end', () => {
    const base = { id: 'c1', created: 1, model: 'Qwen/Qwen3-32B' }
    if (!JSON.parse(body).stream) return json(200, { ...base, object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }], usage })
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const chunk = (more) => response.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...more })}\n\n`)
    chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello.' }, finish_reason: null }] })
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
    chunk({ choices: [], usage })
    response.end('data: [DONE]\n\n')
  })
}

/** Waits for what is there once the user has proved to be it, where the server asks for that. */
async function proven(page, what, code) {
  const asked = page.getByRole('heading', { name: 'Is it you?' })
  await asked.or(what).first().waitFor()
  if (!(await asked.isVisible())) return
  const dialog = page.getByRole('dialog', { name: 'Is it you?' })
  await dialog.getByRole('textbox').or(dialog.getByLabel('Password')).first().fill(code ?? password)
  await dialog.getByRole('button', { name: 'Continue' }).click()
  await what.waitFor()
}

/** The code of this moment (RFC 6238) for a secret in base 32. */
function totp(secret) {
  const bits = [...secret.replaceAll(/[\s=]/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => Number.parseInt(b, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const mac = createHmac('sha1', key).update(step).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
