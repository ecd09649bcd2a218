// Debian's Chromium, driven by playwright-core, which brings none of its own.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Opens the browser. */
export async function open() {
  const executablePath = candidates.find((path) => path && existsSync(path))
  if (!executablePath) throw new Error('Chromium is missing: apt-get install chromium, or set CHROMIUM to its path')
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
}

/** A new tab that collects what goes wrong in it, and every request that leaves the server. */
export async function tab(browser, server, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-GB', timezoneId: 'UTC', colorScheme: 'light', ...options })
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('console', (message) => {
    // A refused request is shown to the reader, and is no fault of the page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(server.url) && !/^(data|blob):/.test(url)) faults.push(`a request elsewhere: ${url}`)
  })
  page.setDefaultTimeout(15_000)
  return { page, context, faults }
}
