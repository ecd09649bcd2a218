// The operator's day: its statement, what it would have come to, and its close.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fill } from './fill.mjs'
import { daysAgo, past } from './past.mjs'
import { sluice } from './server.mjs'
import { stage } from './stage.mjs'

const { server, journey } = stage(async (signIn) => {
  const filled = await fill(server)
  await signIn()
  Object.assign(server, await past(server, filled))
})
const operator = (path) => `${server.url}/console/operator/${path}`

journey('the statement of a day, its waterfall, and the calls behind a step', async (page) => {
  const wanted = await sluice(server, 'statement', '--day', daysAgo(1))
  await page.goto(operator('statements'))
  await page.getByText('Not closed yet: it may still change').waitFor()
  const shown = (amount) => new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' }).format(amount)
  for (const figure of ['list', 'recognised', 'cost', 'profit']) await page.getByText(shown(wanted.total[figure]), { exact: true }).first().waitFor()
  const bars = page.getByRole('figure').getByRole('listitem')
  assert.equal(await bars.count(), wanted.waterfall.filter((b) => b.total || Number(b.amount) !== 0).length)
  await page.getByLabel('All steps').check()
  assert.equal(await bars.count(), wanted.waterfall.length)

  await page.getByRole('button', { name: /^Promotions/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('row', { name: /Acme Research/ }).first().click()
  await dialog.getByText(/^call_/).first().waitFor()
  const drawn = await dialog.locator('tbody tr').count()
  assert.ok(drawn > 20, `${drawn} calls`)
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'Show as a table' }).first().click()
  await page.getByRole('table', { name: 'From theoretical revenue to cash' }).getByText('Breakage', { exact: true }).waitFor()
  for (const format of ['pdf', 'xlsx', 'csv']) {
    const file = await page.request.get(`${server.url}/api/v1/statements/${daysAgo(1)}/file?format=${format}`)
    assert.equal(file.status(), 200)
    assert.match(file.headers()['content-disposition'], new RegExp(`statement-${daysAgo(1)}\\.${format}`))
  }
  await page.getByRole('combobox', { name: 'Where it comes from' }).selectOption('customers')
  await page.getByRole('row', { name: /Borealis Labs/ }).waitFor()

  await page.getByLabel('Several days').check()
  await page.getByLabel('Through').waitFor()
  await page.getByRole('tab', { name: 'Over time' }).click()
  await page.getByRole('row', { name: new RegExp(daysAgo(1).slice(0, 7)) }).waitFor()
})

journey('what if prices were a tenth lower', async (page) => {
  await page.goto(operator('what-if'))
  await page.getByRole('button', { name: 'Ask' }).click()
  const billed = page.getByRole('row', { name: /^Charged/ }).first()
  await billed.getByText('0%', { exact: true }).waitFor() // with nothing changed, what was billed
  await page.getByLabel('Prices are').selectOption('scaled')
  await page.getByRole('button', { name: 'Ask' }).click()
  await billed.getByText('-10%', { exact: true }).waitFor()
  await page.getByRole('heading', { name: 'Break-even' }).waitFor()
  await page.getByLabel('Elasticity').fill('1')
  await page.getByText('This number does not fit.').waitFor()
  assert.ok(await page.getByRole('button', { name: 'Ask' }).isDisabled())
})

journey('a day whose engine counted more is explained, closed, and opened again', async (page) => {
  const day = daysAgo(2)
  const counts = join(server.data, 'counters.jsonl')
  await writeFile(counts, `{"engine":"h100","hour":"${day}T00:00:00Z","prompt_tokens":1,"completion_tokens":99000000,"source":"a test"}\n`)
  await sluice(server, 'close', '--day', day, '--counters', counts).catch(() => {}) // it differs, and is not closed
  await page.goto(operator('close'))
  await page.getByRole('row', { name: new RegExp(day) }).click()
  await page.getByText('1 difference keeps the day open until somebody explains it.').waitFor()
  assert.ok(await page.getByRole('button', { name: 'Close the day' }).isDisabled())
  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByLabel('Why is it so?').fill('warm-up calls after a restart')
  await page.getByRole('button', { name: 'Keep the explanation' }).click()
  await page.getByText('warm-up calls after a restart').waitFor()
  await page.getByText('ada@example.com').first().waitFor()
  await page.getByRole('button', { name: 'Close the day' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Close the day' }).click()
  await page.getByText('Closed, revision 1').waitFor()
  const head = await (await fetch(`${server.url}/ledger/head`)).json()
  assert.equal(head.close, 1)
  await page.getByRole('button', { name: 'Open it again' }).click()
  await page.getByLabel('Why').fill('calls of a spool came late')
  await page.getByRole('dialog').getByRole('button', { name: 'Open it again' }).click()
  await page.getByText('calls of a spool came late').waitFor()
  await page.getByRole('button', { name: 'All days' }).click()
  await page.getByRole('row', { name: new RegExp(day) }).getByText('To be closed').or(page.getByText('Open again')).first().waitFor()
  await page.getByText(head.close_hash, { exact: false }).or(page.getByText('Head of 2 closes')).first().waitFor()
})
