// Passkeys, made and used with the browser's own authenticator. They need a name for an address, not a number.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { open, tab } from './browser.mjs'
import { start } from './server.mjs'
import { setUp } from './signin.mjs'

let server, browser

before(async () => {
  const probe = createServer()
  await new Promise((done) => probe.listen(0, '127.0.0.1', done))
  const { port } = probe.address()
  await new Promise((done) => probe.close(done))
  browser = await open()
  server = await start('--listen', `127.0.0.1:${port}`, '--public-url', `http://localhost:${port}`)
  server.url = `http://localhost:${port}`
  server.setup = server.setup.replace('127.0.0.1', 'localhost')
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

test('a passkey is added, named, signs in, and is removed', async () => {
  const { page, context, faults } = await tab(browser, server)
  const debug = await context.newCDPSession(page)
  await debug.send('WebAuthn.enable')
  await debug.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } })
  await setUp(page, server)
  await page.goto(server.url + '/console/account')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('heading', { name: 'Name the passkey' }).waitFor()
  await page.getByRole('dialog').getByLabel('Name').fill('laptop')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByRole('row', { name: /laptop/ }).getByText('Never').waitFor()

  await context.clearCookies()
  await page.goto(server.url + '/signin')
  await page.locator('#passkey').click()
  await page.waitForURL(/\/console\//)
  await page.goto(server.url + '/console/account')
  await page.getByRole('button', { name: 'Remove laptop' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  const proof = page.getByRole('heading', { name: 'Is it you?' })
  const gone = page.getByText('The passkey is removed.')
  await proof.or(gone).first().waitFor()
  if (await proof.isVisible()) await page.getByRole('button', { name: 'Use a passkey' }).click()
  await gone.waitFor()
  await page.getByRole('row', { name: /laptop/ }).waitFor({ state: 'hidden' })
  assert.deepEqual(faults, [])
  await context.close()
})

test('an authenticator app is offered as a QR code', async () => {
  const { page, context, faults } = await tab(browser, server)
  await page.goto(server.url + '/signin')
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByLabel('Password').fill('a long enough password')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(/\/console\//)
  await page.goto(server.url + '/console/account')
  await page.getByRole('button', { name: 'Set it up' }).click()
  const code = page.getByRole('img', { name: 'QR code for the authenticator app' })
  await code.waitFor()
  assert.ok((await code.locator('path').getAttribute('d')).length > 2000)
  assert.deepEqual(faults, [])
  await context.close()
})
