// Two people change one thing.
import assert from 'node:assert/strict'
import { sluice } from './server.mjs'
import { setUp } from './signin.mjs'
import { stage } from './stage.mjs'

const { server, journey } = stage()

journey('who comes second sees both versions, and chooses', async (page) => {
  const org = await sluice(server, 'org', 'create', 'Acme', '--currency', 'USD')
  const key = await sluice(server, 'key', 'create', '--org', org.id, '--name', 'shop')
  await setUp(page, server)
  const other = (name) => page.request.patch(`${server.url}/api/v1/keys/${key.id}`, { data: { name }, headers: { 'Sluice-Csrf': '1', 'Sluice-Organisation': 'operator' } })
  for (const [choice, name] of [['Keep mine', 'mine 1'], ['Take theirs', 'theirs 2']]) {
    const n = name.slice(-1)
    await page.goto(`${server.url}/console/${org.id}/keys`)
    const read = page.waitForResponse((r) => r.url().endsWith(`/keys/${key.id}`) && r.request().method() === 'GET')
    await page.getByRole('row').nth(1).click()
    await read
    assert.equal((await other(`theirs ${n}`)).status(), 200)
    await page.getByLabel('Name').fill(`mine ${n}`)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Somebody changed this meanwhile.').waitFor()
    await page.getByRole('row', { name: `name theirs ${n} mine ${n}` }).waitFor()
    await page.getByRole('button', { name: choice }).click()
    await page.getByRole('row', { name: new RegExp(name) }).waitFor()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
  }
})
