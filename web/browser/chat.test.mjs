// The chat, in a real Chromium against the real binary.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { serious } from './accessible.mjs'
import { fill } from './fill.mjs'
import { sluice } from './server.mjs'
import { stage } from './stage.mjs'

let filled
const { server, journey } = stage(async (signIn) => {
  filled = await fill(server)
  // It writes slowly enough to be reloaded, stopped and cut off in the middle.
  await sluice(server, 'engine', 'add', 'slow', '--url', 'sim:h100?seed=1', '--model', 'glm-4.6')
  await sluice(server, 'model', 'price', 'glm-4.6', '--input', '0.60', '--output', '2.20', '--currency', 'USD')
  await signIn()
})

const at = (path = '') => `${server.url}/console/${filled.org}/chat${path}`
const answers = (page) => page.locator('article:not(.own)')
const done = (page, n = 0) => answers(page).nth(n).getByRole('button', { name: 'Answer again' }).waitFor()

async function put(page, text, model = 'tiny-chat') {
  await page.getByLabel('Model').selectOption(model)
  await page.getByRole('textbox', { name: 'Question' }).fill(text)
  await page.keyboard.press('Enter')
}

journey('a question is answered, with its cost, and found again', async (page) => {
  await page.goto(at())
  await put(page, 'What is Sluice, said for the history?')
  await done(page)
  await page.waitForURL(/chat=chat_/)
  await answers(page).getByText(/tokens · \$/).waitFor()
  await page.getByRole('link', { name: /said for the history/ }).waitFor()
  await page.getByRole('searchbox').fill('for the HISTORY')
  await page.getByRole('link', { name: /said for the history/ }).waitFor()
  await page.getByRole('searchbox').fill('nobody said that')
  await page.getByText('No chat says that.').waitFor()
})

journey('an answer goes on through a reload and in another tab', async (page, t) => {
  await page.goto(at())
  await put(page, 'Tell me a story.', 'glm-4.6')
  await page.waitForFunction(() => (document.querySelector('article:not(.own) .markdown')?.textContent ?? '').length > 20)
  await page.reload()
  const other = await t.context.newPage()
  await other.goto(page.url())
  await done(page)
  await done(other)
  const said = await answers(page).locator('.markdown').innerText()
  assert.ok(said.length > 40, said)
  assert.equal(await answers(other).locator('.markdown').innerText(), said)
  await other.close()
})

journey('a lost connection is said, and taken up again', async (page, t) => {
  await page.goto(at())
  let cut = true
  await page.route('**/events?**', (route) => (cut ? route.abort() : route.continue()))
  await put(page, 'Tell me another story.', 'glm-4.6')
  await page.getByText('The connection is lost.').waitFor()
  cut = false
  await done(page)
  await page.getByText('The connection is lost.').waitFor({ state: 'hidden' })
})

journey('a question is edited, an answer asked for again, and both branches are there', async (page) => {
  await page.goto(at())
  await put(page, 'Hello!')
  await done(page)
  await answers(page).getByRole('button', { name: 'Answer again' }).click()
  await answers(page).getByText('2/2').waitFor()
  await done(page)
  await answers(page).getByRole('button', { name: 'The version before' }).click()
  await answers(page).getByText('1/2').waitFor()
  await page.locator('article.own').hover()
  await page.locator('article.own').getByRole('button', { name: 'Edit the question' }).click()
  await page.getByRole('textbox', { name: 'Edit the question' }).fill('Who pays for a token?')
  await page.keyboard.press('Enter')
  await page.locator('article.own').getByText('2/2').waitFor()
  await done(page)
  await page.locator('article.own').getByRole('button', { name: 'The version before' }).click()
  await page.locator('article.own').getByText('Hello!').waitFor()
  await page.reload()
  await page.locator('article.own').getByText('1/2').waitFor()
})

journey('an answer is stopped', async (page) => {
  await page.goto(at())
  await put(page, 'A long story, please.', 'glm-4.6')
  await page.waitForFunction(() => (document.querySelector('article:not(.own) .markdown')?.textContent ?? '').length > 5)
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.getByText('You stopped this answer.').waitFor()
})

journey('files go with a question, chats out and in, and are renamed and deleted', async (page) => {
  await page.goto(at())
  await page.locator('form input[type=file]').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Sluice meters tokens.') })
  await page.getByText('notes.txt').waitFor()
  await put(page, 'What do my notes say?')
  await page.locator('article.own').getByText('notes.txt').waitFor()
  await done(page).catch(() => page.getByRole('alert').first().waitFor())
  await page.getByRole('button', { name: 'Actions of this chat' }).click()
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Export' }).click()])
  const path = await file.path()
  await page.locator('header input[type=file]').setInputFiles({ name: 'chat.json', mimeType: 'application/json', buffer: await readFile(path) })
  await page.waitForFunction((was) => location.search !== was, new URL(page.url()).search)
  await page.locator('article.own').getByText('What do my notes say?').waitFor()
  await page.getByRole('button', { name: 'Actions of this chat' }).click()
  await page.getByRole('menuitem', { name: 'Rename' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('A copy of the notes')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'A copy of the notes' }).waitFor()
  await page.getByRole('button', { name: 'Actions of this chat' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('link', { name: 'A copy of the notes' }).waitFor({ state: 'hidden' })
})

journey('a picture is shown before it is sent, with its question, and when the page is loaded anew', async (page) => {
  const drawn = (img) => img.evaluate(async (one) => { await one.decode(); return one.naturalWidth })
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
  await page.goto(at())
  const picker = page.locator('form input[type=file]')
  await picker.setInputFiles([{ name: 'dot.png', mimeType: 'image/png', buffer: png }, { name: 'other.png', mimeType: 'image/png', buffer: png }])
  assert.equal(await drawn(page.locator('form').getByTitle('dot.png', { exact: true })), 1)
  await page.getByRole('button', { name: /other\.png/ }).click()
  await page.getByTitle('other.png', { exact: true }).waitFor({ state: 'hidden' })
  await picker.setInputFiles({ name: 'no picture.png', mimeType: 'image/png', buffer: Buffer.from('text') })
  await page.locator('form').getByText('no picture.png').waitFor()
  assert.equal(await page.locator('form img').count(), 1)
  await put(page, 'What is this?')
  assert.equal(await drawn(page.locator('article.own').getByRole('img', { name: 'Picture: dot.png' })), 1)
  await page.waitForURL(/chat=chat_/)
  await page.reload()
  assert.equal(await drawn(page.locator('article.own').getByRole('img', { name: 'Picture: dot.png' })), 1)
})

journey('a chat is shared, and its link ends', async (page) => {
  await page.goto(at())
  await put(page, 'What is a price book?')
  await done(page)
  await page.getByRole('button', { name: 'Actions of this chat' }).click()
  await page.getByRole('menuitem', { name: 'Share' }).click()
  await page.getByRole('button', { name: 'Make a link' }).click()
  const link = await page.getByRole('dialog').locator('code').innerText()
  const token = link.split('/').pop()
  const stranger = () => fetch(`${server.url}/api/v1/shared/${token}`)
  const seen = await (await stranger()).json()
  assert.equal(seen.messages[0].text, 'What is a price book?')
  await page.getByRole('button', { name: 'End the link' }).click()
  await page.getByText('The link has ended.').waitFor()
  assert.equal((await stranger()).status, 404)
})

journey('by keyboard alone', async (page) => {
  await page.goto(at())
  await page.getByRole('textbox', { name: 'Question' }).waitFor()
  await page.waitForFunction(() => document.querySelector('form select')?.value)
  await page.getByRole('textbox', { name: 'Question' }).focus()
  await page.keyboard.type('Who are you?')
  await page.keyboard.press('Enter')
  await done(page)
  await page.getByRole('textbox', { name: 'Question' }).focus()
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Control+a')
  await page.keyboard.type('Hello!')
  await page.keyboard.press('Enter')
  await page.locator('article.own').getByText('2/2').waitFor()
  await done(page)
  await page.locator('.scroll').focus()
  await page.keyboard.press('n')
  await page.getByRole('heading', { name: 'What would you like to know?' }).waitFor()
})

for (const [look, options] of [['light', {}], ['dark', { colorScheme: 'dark' }], ['phone', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }]]) {
  journey(`accessible and in its place (${look})`, async (page) => {
    const long = '# A heading\n\nSome **bold** text with `code`, $x^2 + \\frac{a}{b}$ and [a link](https://a.example).\n\n```go\nfunc main() { fmt.Println("a rather long line of code that does not fit on the screen of a phone at all") }\n```\n\n| a | b | c |\n|---|--:|---|\n| a cell with words | 2 | another one with more of them |\n\n$$\\sum_{i=1}^n i = \\frac{n(n+1)}{2}$$\n\n- [x] done\n- [ ] open\n'
    const hostile = '<img src=x onerror=alert(1)> [x](javascript:alert(1)) ![y](https://evil.example/z.png) <script>alert(1)</script>'
    await page.goto(at())
    const made = await page.evaluate(async ([org, long, hostile]) => {
      const response = await fetch(`/api/v1/chats/import?organisation=${org}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'Sluice-Csrf': '1', 'Sluice-Organisation': 'operator' }, body: JSON.stringify({ title: 'A chat <b>with</b> everything', messages: [{ id: 'a', role: 'user', text: hostile }, { id: 'b', parent: 'a', role: 'assistant', text: long + hostile, reasoning: 'Let me think.' }], head: 'b' }) })
      return response.json()
    }, [filled.org, long, hostile])
    await page.goto(at(`?chat=${made.id}`))
    await page.locator('article math').first().waitFor()
    assert.equal(await page.locator('article img, article script').count(), 0)
    assert.deepEqual(await page.locator('article a').evaluateAll((all) => all.map((a) => new URL(a.href).protocol).filter((p) => p !== 'https:')), [])
    for (const language of ['en', 'fr', 'zh']) {
      await page.evaluate((l) => localStorage.setItem('language', l), language)
      await page.reload()
      await page.locator('article math').first().waitFor()
      const [have, room] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth])
      assert.ok(have <= room, `${language}: ${have} > ${room}`)
      assert.deepEqual(await serious(page), [])
    }
    if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/chat-${look}.png` })
  }, { reducedMotion: 'reduce', ...options })
}
