// Models from files, and engines that are found on the server's machine.
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { copyFile, rm, stat, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { tmpdir } from 'node:os'
import { after, before } from 'node:test'
import { engine } from './engine.mjs'
import { call } from './fill.mjs'
import { sluice } from './server.mjs'
import { stage } from './stage.mjs'

const inTheBox = new URL('../../infer/box/tiny-chat-q8_0.gguf', import.meta.url).pathname
const looked = { timeout: 60_000 } // the server looks at its folder every few seconds, a busy one later

// A program by the name of one that Sluice knows stands where the server looks for programs.
const programs = mkdtempSync(join(tmpdir(), 'sluice-programs-'))
process.env.PATH = programs + delimiter + process.env.PATH
const program = join(programs, 'llama-server')
before(() => writeFile(program, '#!/bin/sh\n', { mode: 0o755 }))
after(() => rm(programs, { recursive: true }))

const { server, journey } = stage((signIn) => signIn())
const operator = (path) => `${server.url}/console/operator/${path}`
const asked = async (page, path) => (await page.request.get(`${server.url}/api/v1/${path}`)).json()
const models = (file) => join(server.data, 'models', file)

journey('a file that is put into the folder is a model, with what is in it, its memory and its faults', async (page) => {
  await page.goto(operator('models'))
  await page.getByRole('tab', { name: 'Files' }).click()
  await page.getByRole('heading', { name: 'No file in the folder' }).waitFor()
  await page.getByRole('button', { name: 'Bring a file' }).last().click()
  await page.getByRole('dialog').getByText('sluice model pull').waitFor()
  await page.keyboard.press('Escape')

  await copyFile(inTheBox, models('second.gguf'))
  const row = page.getByRole('row', { name: /second\.gguf/ })
  await row.getByText('Ready').waitFor(looked)
  await row.getByText('Q8_0').waitFor()
  await row.getByText(`${((await stat(inTheBox)).size / 2 ** 20).toFixed(1)} MiB`).first().waitFor()
  await page.goto(operator('engines'))
  const its = page.getByRole('row', { name: /second From a file/ })
  await its.getByText('Serving').waitFor(looked)
  await call(server, server.trialKey, 'Hello!', 8, 'second')
  await page.goto(operator('models?tab=files'))
  await row.getByText('Loaded').waitFor(looked)

  await writeFile(models('broken.gguf'), 'no model at all')
  await page.getByRole('row', { name: /broken\.gguf/ }).getByText('Refused').waitFor(looked)
  const broken = (await asked(page, 'model-files')).data.find((f) => f.file === 'broken.gguf')
  await page.getByText(broken.reason).first().waitFor()
  await rm(models('broken.gguf'))
  await page.getByRole('row', { name: /broken\.gguf/ }).waitFor({ state: 'hidden', ...looked })

  await row.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'second.gguf' }).getByText('Put there by hand').waitFor()
  await page.getByRole('dialog').getByText('sluice model rm second').waitFor()
  await page.getByRole('link', { name: 'Its model' }).click()
  await page.getByRole('heading', { name: 'second', level: 1 }).waitFor()
})

journey('a file whose model has no price leads to the prices', async (page) => {
  await sluice(server, 'model', 'price', 'tiny-chat', '--input', '0.10', '--output', '0.40', '--currency', 'USD') // from now on none is given
  await copyFile(inTheBox, models('third.gguf'))
  await page.goto(operator('models?tab=files'))
  const row = page.getByRole('row', { name: /third\.gguf/ })
  await row.getByText('No price').waitFor(looked)
  await row.click()
  await page.getByRole('link', { name: 'Set a price' }).click()
  await page.getByRole('heading', { name: 'Change prices', level: 1 }).waitFor()
})

journey('a program on this machine is offered with the commands that start it', async (page) => {
  await page.goto(operator('engines'))
  await page.getByRole('heading', { name: 'Found on this machine' }).waitFor()
  const offer = (await asked(page, 'engine-offers')).data.find((o) => o.engine === 'llamacpp')
  assert.equal(offer.program, program)
  for (const words of offer.commands) await page.getByText(words.join(' '), { exact: true }).waitFor()
})

journey('an engine that runs on this machine is attached at once, or once its model is named', async (page) => {
  const running = await engine(() => [{ content: 'Hello.' }])
  const url = running.url.replace(/\/v1$/, '')
  const offer = (name, models) => ({ engine: 'ollama', title: 'Ollama', url, version: '0.12.3', commands: [['sluice', 'engine', 'add', name, '--url', url, '--driver', 'ollama', ...models.flatMap((m) => ['--model', m])]] })
  let offered = [offer('ollama', ['qwen3:0.6b', 'gemma3=gemma3:latest'])]
  await page.route('**/api/v1/engine-offers?*', (route) => route.fulfill({ json: { data: offered } }))
  try {
    await page.goto(operator('engines'))
    await page.getByRole('button', { name: 'Attach' }).click()
    await page.getByRole('heading', { name: 'ollama', level: 1 }).waitFor()
    const found = await asked(page, 'engines/ollama')
    assert.equal(found.url, `${url}/`)
    assert.equal(found.driver, 'ollama')
    assert.deepEqual(found.models, { 'qwen3:0.6b': 'qwen3:0.6b', gemma3: 'gemma3:latest' })

    offered = [offer('ollama', ['NAME'])]
    await page.goto(operator('engines'))
    await page.getByRole('button', { name: 'Attach' }).click()
    assert.equal(await page.getByRole('dialog').getByLabel('Name').inputValue(), 'ollama-2') // the first stays
    await page.getByRole('dialog').getByLabel('Models').fill('phi4')
    await page.getByRole('dialog').getByRole('button', { name: 'Add an engine' }).click()
    await page.getByRole('heading', { name: 'ollama-2', level: 1 }).waitFor()
  } finally {
    await running.stop()
  }
})
