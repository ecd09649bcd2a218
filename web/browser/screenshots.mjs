// A picture of each page of the navigation: light, dark, and on a phone.
// node browser/screenshots.mjs [PART-OF-A-PATH…]; they are put into screenshots/.
import { mkdir } from 'node:fs/promises'
import { open, tab } from './browser.mjs'
import { fill } from './fill.mjs'
import { start } from './server.mjs'
import { setUp } from './signin.mjs'

const wanted = process.argv.slice(2)
const folder = new URL('../screenshots/', import.meta.url).pathname
const looks = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
}

await mkdir(folder, { recursive: true })
const server = await start()
const browser = await open()
try {
  const filled = await fill(server)
  await filled.models()
  await filled.plan()
  await filled.more()
  await filled.prices()
  let state
  let pages = []
  for (const [look, options] of Object.entries(looks)) {
    const { page, context, faults } = await tab(browser, server, { storageState: state, reducedMotion: 'reduce', ...options })
    if (!state) {
      await setUp(page, server)
      state = await context.storageState()
      await page.goto(`${server.url}/console/${filled.org}/start`)
      await page.getByRole('navigation').waitFor()
      pages = await page.locator('nav a').evaluateAll((links) => links.map((a) => a.getAttribute('href')))
      pages.push(`/console/${filled.org}/usage?tab=requests`, '/console/account',
        '/console/operator/models/glm', '/console/operator/models/glm-4.6', '/console/operator/engines/box', '/console/operator/prices/new?currency=CNY', '/console/operator/plans/lite', '/console/operator/plans/new')
      if (wanted.length) pages = pages.filter((path) => wanted.some((part) => path.includes(part)))
    }
    for (const path of pages) {
      await page.goto(server.url + path)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.waitForTimeout(700) // what is loaded, and the chart that is drawn of it
      const name = path.replace('/console/', '').replace(/org_[^/]+\//, '').replace(/[^a-z0-9]+/gi, '-')
      await page.screenshot({ path: `${folder}${name}-${look}.png` })
    }
    for (const fault of faults) console.log(look, fault)
    await context.close()
  }
  console.log(`${pages.length * Object.keys(looks).length} pictures are in ${folder}`)
} finally {
  await browser.close()
  await server.stop()
}
