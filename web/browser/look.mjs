// One picture of an address, for looking at while working on a page:
// node browser/look.mjs /ORG/keys out.png [light|dark] [phone] [lang]
import { open, tab } from './browser.mjs'
import { start } from './server.mjs'
import { signIn } from './signin.mjs'

const [path, out, theme = 'light', size = 'desk', locale = 'en-GB'] = process.argv.slice(2)
const server = await start()
const browser = await open()
try {
  const phone = size === 'phone' && { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }
  const { page, faults } = await tab(browser, server, { colorScheme: theme, ...phone })
  await signIn(page, server, server.trialKey)
  await page.waitForTimeout(300)
  if (locale !== 'en-GB') await page.evaluate((l) => localStorage.setItem('language', l), locale)
  const org = new URL(page.url()).pathname.split('/')[2]
  await page.goto(server.url + '/console' + path.replace('/ORG', '/' + org))
  await page.waitForTimeout(800)
  await page.screenshot({ path: out })
  for (const fault of faults) console.log(fault)
} finally {
  await browser.close()
  await server.stop()
}
