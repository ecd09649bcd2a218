// What is checked in: small, and what the sources make.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const root = new URL('..', import.meta.url).pathname
const dist = new URL('../../console/dist/', import.meta.url).pathname
const limit = 80 * 1024 // bytes of compressed JavaScript that the first page may take

async function files(folder) {
  const all = await readdir(folder, { recursive: true, withFileTypes: true })
  return all.filter((f) => f.isFile()).map((f) => relative(folder, join(f.parentPath ?? f.path, f.name))).sort()
}

// closure is a script with all that it imports before it runs.
async function closure(name, into = new Set()) {
  if (into.has(name)) return into
  into.add(name)
  const text = await readFile(join(dist, 'assets', name), 'utf8')
  for (const [, other] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) await closure(other, into)
  return into
}

async function weight(names) {
  let sum = 0
  for (const name of names) sum += gzipSync(await readFile(join(dist, 'assets', name)), { level: 9 }).length
  return sum
}

test('the first load is small', async () => {
  const needed = await closure('index.js')
  const pages = ['Start.js']
  for (const language of ['en.js', 'fr.js', 'zh.js']) {
    const all = new Set(needed)
    for (const name of [language, ...pages]) await closure(name, all)
    const bytes = await weight(all)
    console.log(`first load with ${language}: ${(bytes / 1024).toFixed(1)} KB of ${limit / 1024} KB (${all.size} scripts)`)
    assert.ok(bytes <= limit, `${bytes} bytes, more than ${limit}`)
  }
  assert.ok(!needed.has('plot.js'), 'charts are loaded with the shell')
})

test('nothing names another server, and nothing is inline', async () => {
  const page = await readFile(join(dist, 'index.html'), 'utf8')
  assert.doesNotMatch(page, /(?:src|href)="(?:https?:)?\/\//)
  assert.doesNotMatch(page, /<script[^>]*>[^<]|<style|\sstyle=|\son\w+=/)
  for (const name of await files(dist)) {
    if (!name.endsWith('.css')) continue
    assert.doesNotMatch(await readFile(join(dist, name), 'utf8'), /url\(\s*["']?(?:https?:)?\/\//, name)
  }
})

test('what is checked in is what the sources make', async () => {
  const out = await mkdtemp(join(tmpdir(), 'console-'))
  try {
    await build({ root, logLevel: 'error', build: { outDir: out, emptyOutDir: true } })
    assert.deepEqual(await files(dist), await files(out), 'other files: run make console')
    for (const name of await files(out)) {
      assert.ok((await readFile(join(dist, name))).equals(await readFile(join(out, name))), `${name} is old: run make console`)
    }
  } finally {
    await rm(out, { recursive: true, force: true })
  }
})
