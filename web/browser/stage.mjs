// What a file of journeys plays on: a server, a browser, and tabs that fail on what goes wrong in them.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open, tab } from './browser.mjs'
import { start } from './server.mjs'
import { setUp } from './signin.mjs'

/**
 * Sets the stage for the tests of a file and clears it after them. `prepare` fills the server; `signIn`, which it is
 * given, makes the first administrator, who is then signed in in each journey. `server` is empty until the tests begin.
 */
export function stage(prepare = async () => {}) {
  const server = {}
  let browser, session

  before(async () => {
    browser = await open()
    Object.assign(server, await start())
    await prepare(async () => {
      const { page, context } = await tab(browser, server)
      await setUp(page, server)
      session = await context.storageState()
      await context.close()
    })
  })
  after(async () => {
    await browser?.close()
    await server.stop?.()
  })

  /** Runs a journey in a tab of its own, and fails on what goes wrong in the page. `keep` has those that follow begin with its session. */
  function journey(name, run, options = {}) {
    test(name, async () => {
      const t = await tab(browser, server, { storageState: session, ...options })
      t.keep = async () => { session = await t.context.storageState() }
      try {
        await run(t.page, t)
        assert.deepEqual(t.faults, [])
      } catch (error) {
        const said = await t.page.locator('body').innerText().catch(() => '')
        const wrong = server.log().split('\n').filter((line) => /error/i.test(line)).slice(-3)
        error.message += ['', t.page.url(), said.slice(0, 1500), ...wrong].join('\n')
        throw error
      } finally {
        await t.context.close()
      }
    })
  }

  return { server, journey, newTab: (options) => tab(browser, server, options) }
}
