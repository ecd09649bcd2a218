// Days that are over, with calls and costs, for pages about them.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sluice, startOn } from './server.mjs'

const folder = new URL('../../e2e/past/', import.meta.url).pathname

/** The date so many days ago, in UTC. */
export function daysAgo(n) {
  return new Date(Date.now() - n * 86_400_000).toISOString().slice(0, 10)
}

/** Gives the server three days of calls of the filled organisation and another, with nodes and costs. Returns the server, started anew. */
export async function past(server, filled) {
  await filled.models()
  const other = await sluice(server, 'org', 'create', 'Borealis Labs', '--currency', 'USD')
  const key = await sluice(server, 'key', 'create', '--org', other.id, '--name', 'agents')
  await sluice(server, 'credit', '300.00', '--org', other.id, '--memo', 'wire')
  const nodes = join(server.data, 'nodes.csv')
  const span = `${daysAgo(4)}T00:00:00Z,${daysAgo(-1)}T00:00:00Z`
  await writeFile(nodes, `pool,from,to,nodes,chips,price\nh100,${span},2,8,0.02\nh20,${span},1,8,0.01\n`)
  await sluice(server, 'nodes', 'import', nodes)
  await sluice(server, 'cost', 'add', 'people', '--amount', '9', '--from', daysAgo(4), '--to', daysAgo(-1))
  await sluice(server, 'statement', 'settings', '--model', 'glm-4.6')
  await server.pause()
  const calls = [[filled.org, filled.keys[0].id, 'glm-4.6', 'h100'], [filled.org, filled.keys[1].id, 'deepseek-v3.2', 'h20'], [other.id, key.id, 'glm-4.6', 'h100']]
  await promisify(execFile)('go', ['run', '.', '--data', server.data, ...calls.flatMap((c) => ['--call', c.join(',')])], { cwd: folder })
  const again = await startOn(server.data)
  for (let i = 0; i < 100; i++) { // hours are sealed a moment after the start
    const day = await sluice(again, 'close', '--show', '--day', daysAgo(1))
    if (day.sealed === 24) break
    await new Promise((done) => setTimeout(done, 200))
  }
  return again
}
