import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// The console is built into console/dist, which is checked in: names are
// stable and addresses relative. The server puts a digest of the whole into the
// path, so that browsers may keep every file for ever (console/console.go).
export default defineConfig(({ command }) => ({
  base: command === 'serve' ? '/console/' : './',
  plugins: [svelte()],
  build: {
    outDir: '../console/dist',
    emptyOutDir: true,
    target: 'es2023',
    cssTarget: ['chrome123', 'safari17.5', 'firefox120'], // these know light-dark()
    assetsInlineLimit: 0, // no data: addresses, the policy refuses them
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
      },
    },
  },
  server: { proxy: { '/api': target(), '/v1': target(), '/setup': target() } },
}))

// target is the server that `npm run dev` asks.
function target() {
  return process.env.SLUICE_URL ?? 'http://127.0.0.1:8080'
}
