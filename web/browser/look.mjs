// One picture of an address, to look at while working on a page:
// node browser/look.mjs /ORG/keys out.png [dark] [phone] [fr] [empty] [models] [more] [full] [click=WORDS]
// Several: node browser/look.mjs /ORG/keys out1.png dark -- /ORG/usage out2.png
import { open, tab } from './browser.mjs'
import { fill } from './fill.mjs'
import { start } from './server.mjs'
import { setUp } from './signin.mjs'

const jobs = process.argv.slice(2).join('\n').split('\n--\n').map((job) => job.split('\n'))
const server = await start()
const browser = await open()
try {
  const filled = jobs.some((job) => !job.includes('empty')) ? await fill(server) : undefined
  if (filled && jobs.some((job) => job.includes('models'))) await filled.models()
  if (filled && jobs.some((job) => job.includes('more'))) {
    await filled.plan()
    await filled.more()
    await filled.prices()
  }
  let state
  for (const [path, out, ...wishes] of jobs) {
    const has = (wish) => wishes.includes(wish)
    const phone = has('phone') && { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }
    const { page, context, faults } = await tab(browser, server, { storageState: state, colorScheme: has('dark') ? 'dark' : 'light', ...phone })
    if (!state) {
      await setUp(page, server)
      state = await context.storageState()
    }
    await page.goto(server.url + '/console/')
    for (const language of ['fr', 'zh']) if (has(language)) await page.evaluate((l) => localStorage.setItem('language', l), language)
    await page.goto(server.url + '/console' + path.replace('ORG', filled?.org ?? 'org_none'))
    await page.waitForTimeout(900)
    for (const wish of wishes.filter((w) => w.startsWith('click='))) {
      await page.getByText(wish.slice(6)).first().click()
      await page.waitForTimeout(600)
    }
    await page.screenshot({ path: out, fullPage: has('full') })
    for (const fault of faults) console.log(path, fault)
    await context.close()
  }
} finally {
  await browser.close()
  await server.stop()
}
