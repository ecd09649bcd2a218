// A server of its own for each test file: the real binary on an empty folder.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const binary = process.env.SLUICE ?? new URL('../../sluice', import.meta.url).pathname

/** Starts a server. What is returned knows its address, its first links and keys, and stops it. */
export async function start(...flags) {
  return startOn(await mkdtemp(join(tmpdir(), 'sluice-browser-')), ...flags)
}

/** Starts a server on a folder, such as that of one which was paused. */
export async function startOn(data, ...flags) {
  const child = spawn(binary, ['serve', '--data', data, '--listen', '127.0.0.1:0', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
  const log = []
  child.stderr.on('data', (chunk) => log.push(chunk))
  const server = { data, begun: performance.now(), url: '', setup: '', trialKey: '', log: () => Buffer.concat(log).toString(), stop, pause }

  /** Stops it and leaves its folder. */
  async function pause() {
    const gone = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    await gone
  }

  async function stop() {
    const gone = new Promise((done) => child.once('exit', done))
    if (child.exitCode === null) {
      child.kill('SIGKILL')
      await gone
    }
    await rm(data, { recursive: true, force: true })
  }

  for await (const line of createInterface({ input: child.stdout })) {
    server.url ||= /ready at (\S+)/.exec(line)?.[1] ?? ''
    server.setup ||= /(http\S+\/setup\?token=\S+)/.exec(line)?.[1] ?? ''
    server.trialKey ||= /Bearer (sk-[\w-]+)/.exec(line)?.[1] ?? ''
    if (line.startsWith('Stop with')) return server
  }
  await stop()
  throw new Error(`the server did not start:\n${server.log()}`)
}

/** Runs a command of the same binary on the server's folder and returns its JSON. */
export async function sluice(server, ...args) {
  const child = spawn(binary, ['--data', server.data, '--json', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  const code = await new Promise((done) => child.once('exit', done))
  if (code !== 0) throw new Error(`sluice ${args.join(' ')}: ${err || out}`)
  return out.trim() ? JSON.parse(out) : undefined
}
