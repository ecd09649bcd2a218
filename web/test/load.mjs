// Loads modules of the console in Node, as Vite would build them.
import { createServer } from 'vite'

globalThis.navigator ??= { languages: ['en-GB'] }

/** Gives the test a function that loads a module below src, and closes what it needed. */
export async function modules(use) {
  const server = await createServer({ root: new URL('..', import.meta.url).pathname, logLevel: 'error', server: { middlewareMode: true, watch: null, hmr: false, ws: false }, appType: 'custom', optimizeDeps: { noDiscovery: true } })
  try {
    await use((path) => server.ssrLoadModule('/src/' + path))
  } finally {
    await server.close()
  }
}
