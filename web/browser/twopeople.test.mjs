// Two people change one thing.
import assert from 'node:assert/strict'
import { sluice } from './server.mjs'
import { stage } from './stage.mjs'

const { server, journey } = stage((signIn) => signIn())

journey('who comes second sees both versions, and chooses', async (page) => {
  const org = await sluice(server, 'org', 'create', 'Acme', '--currency', 'USD')
  const key = await sluice(server, 'key', 'create', '--org', org.id, '--name', 'shop')
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

journey('who changes a model second sees both versions', async (page) => {
  const change = (body) => page.request.put(`${server.url}/api/v1/models/tiny-chat`, { data: body, headers: { 'Sluice-Csrf': '1', 'Sluice-Organisation': 'operator' } })
  await page.goto(`${server.url}/console/operator/models/tiny-chat`)
  const button = page.getByRole('button', { name: 'Change', exact: true })
  await button.waitFor()
  const read = page.waitForResponse((r) => r.url().endsWith('/models/tiny-chat') && r.request().method() === 'GET')
  await button.click()
  await read
  assert.equal((await change({ description: 'Theirs' })).status(), 200)
  await page.getByLabel('Description').fill('Mine')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('row', { name: 'description Theirs Mine' }).waitFor()
  await page.getByRole('button', { name: 'Take theirs' }).click()
  await page.getByText('Theirs', { exact: true }).waitFor()
})

journey('who changes a project or a budget second sees both versions', async (page) => {
  const org = await sluice(server, 'org', 'create', 'Zeta', '--currency', 'USD')
  const post = async (path, data) => (await page.request.post(`${server.url}/api/v1${path}`, { data, headers: { 'Sluice-Csrf': '1', 'Sluice-Organisation': 'operator' } })).json()
  const project = await post('/projects', { organisation: org.id, name: 'search' })
  const budget = await post(`/organisations/${org.id}/budgets`, { name: 'all', amount: '5.00' })
  const edit = async () => {
    await page.getByRole('button', { name: 'Actions: all' }).click()
    await page.getByRole('menuitem', { name: 'Edit' }).click()
  }
  for (const [open, path, theirs, method] of [
    [() => page.getByRole('row', { name: /^search/ }).click(), `/projects/${project.id}`, { name: 'theirs' }, 'patch'],
    [edit, `/organisations/${org.id}/budgets/${budget.id}`, { name: 'theirs', amount: '5.00' }, 'put'],
  ]) {
    await page.goto(`${server.url}/console/${org.id}/limits`)
    const read = page.waitForResponse((r) => r.url().endsWith(path) && r.request().method() === 'GET')
    await open()
    await read
    assert.equal((await page.request[method](`${server.url}/api/v1${path}`, { data: theirs, headers: { 'Sluice-Csrf': '1', 'Sluice-Organisation': 'operator' } })).status(), 200)
    await page.getByLabel('Name').fill('mine')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: 'name theirs mine' }).waitFor()
    await page.getByRole('button', { name: 'Keep mine' }).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.getByText('mine', { exact: true }).first().waitFor()
  }
})
