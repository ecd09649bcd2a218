// One picture of an address, to look at while working on a page:
// node browser/look.mjs /ORG/keys out.png [dark] [phone] [fr] [empty] [click=WORDS]
import { open, tab } from './browser.mjs'
import { fill } from './fill.mjs'
import { start } from './server.mjs'
import { signIn } from './signin.mjs'

const [path, out, ...wishes] = process.argv.slice(2)
const has = (wish) => wishes.includes(wish)
const server = await start()
const browser = await open()
try {
  const filled = has('empty') ? undefined : await fill(server)
  const phone = has('phone') && { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }
  const { page, faults } = await tab(browser, server, { colorScheme: has('dark') ? 'dark' : 'light', ...phone })
  await signIn(page, server, filled?.admin ?? server.trialKey)
  await page.waitForTimeout(300)
  for (const language of ['fr', 'zh']) if (has(language)) await page.evaluate((l) => localStorage.setItem('language', l), language)
  const org = filled?.org ?? new URL(page.url()).pathname.split('/')[2]
  await page.goto(server.url + '/console' + path.replace('/ORG', '/' + org))
  await page.waitForTimeout(900)
  for (const wish of wishes.filter((w) => w.startsWith('click='))) {
    await page.getByText(wish.slice(6)).first().click()
    await page.waitForTimeout(600)
  }
  await page.screenshot({ path: out, fullPage: has('full') })
  for (const fault of faults) console.log(fault)
} finally {
  await browser.close()
  await server.stop()
}
