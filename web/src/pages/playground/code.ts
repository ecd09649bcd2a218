// A request as code that makes exactly it.
import type { Filling, Snippet } from '../../core/snippets'

type Body = Record<string, unknown>

/** The request as programs, in the order in which they are shown. */
export function code(f: Filling, body: Body): Snippet[] {
  return [
    { key: 'curl', name: 'curl', where: 'shell', text: curl(f, body) },
    { key: 'python', name: 'Python', where: 'pip install openai', text: python(f, body) },
    { key: 'node', name: 'Node', where: 'npm install openai', text: node(f, body) },
    { key: 'go', name: 'Go', where: 'main.go', text: go(f, body) },
  ]
}

/** The body with what is long in the middle left out, for reading. */
export function shortened(value: unknown, most = 200): unknown {
  if (typeof value === 'string') return value.startsWith('data:') && value.length > most ? `${value.slice(0, 48)}…` : value
  if (Array.isArray(value)) return value.map((one) => shortened(one, most))
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shortened(one, most)]))
  return value
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'` // for a shell

function curl(f: Filling, body: Body): string {
  return `curl ${body.stream ? '-N ' : ''}${f.origin}/v1/chat/completions \\
  -H ${quoted(`Authorization: Bearer ${f.key}`)} \\
  -H 'Content-Type: application/json' \\
  --data-binary ${quoted(JSON.stringify(body, null, 2))}`
}

// Arguments that OpenAI's client for Python knows; it takes others as extra_body.
const known = new Set([
  'model', 'messages', 'temperature', 'max_tokens', 'top_p', 'seed', 'frequency_penalty', 'presence_penalty', 'stop', 'reasoning_effort',
  'response_format', 'tools', 'tool_choice', 'parallel_tool_calls', 'stream', 'stream_options', 'max_completion_tokens', 'logprobs',
  'top_logprobs', 'logit_bias', 'n', 'user', 'service_tier', 'store', 'metadata', 'modalities', 'audio', 'prediction', 'verbosity', 'web_search_options',
])

function python(f: Filling, body: Body): string {
  const own = Object.entries(body).filter(([name]) => known.has(name))
  const extra = Object.entries(body).filter(([name]) => !known.has(name))
  const lines = own.map(([name, value]) => `    ${name}=${literal(value, 1)},`)
  if (extra.length > 0) lines.push(`    extra_body=${literal(Object.fromEntries(extra), 1)},`)
  const read = body.stream
    ? `for chunk in answer:\n    if chunk.choices:\n        print(chunk.choices[0].delta.content or "", end="", flush=True)`
    : `print(answer.choices[0].message)`
  return `from openai import OpenAI

client = OpenAI(base_url=${literal(f.origin + '/v1', 0)}, api_key=${literal(f.key, 0)})

answer = client.chat.completions.create(
${lines.join('\n')}
)
${read}`
}

// literal is a JSON value as Python writes it.
function literal(value: unknown, depth: number): string {
  const pad = '    '.repeat(depth + 1)
  const end = '    '.repeat(depth)
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'string') return JSON.stringify(value) // Python reads the escapes of JSON
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[\n${value.map((one) => pad + literal(one, depth + 1)).join(',\n')},\n${end}]`
  if (typeof value === 'object') {
    const members = Object.entries(value).filter(([, one]) => one !== undefined)
    return members.length === 0 ? '{}' : `{\n${members.map(([name, one]) => `${pad}${JSON.stringify(name)}: ${literal(one, depth + 1)}`).join(',\n')},\n${end}}`
  }
  return String(value)
}

function node(f: Filling, body: Body): string {
  const read = body.stream
    ? `for await (const chunk of answer) {\n  process.stdout.write(chunk.choices[0]?.delta?.content ?? '')\n}`
    : `console.log(answer.choices[0].message)`
  return `import OpenAI from 'openai'

const client = new OpenAI({ baseURL: ${JSON.stringify(f.origin + '/v1')}, apiKey: ${JSON.stringify(f.key)} })

const answer = await client.chat.completions.create(${JSON.stringify(body, null, 2)})
${read}`
}

function go(f: Filling, body: Body): string {
  const text = JSON.stringify(body, null, 2)
  const raw = text.includes('`') ? text.split('`').map((part) => '`' + part + '`').join(' + "`" + ') : '`' + text + '`'
  return `package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

const body = ${raw}

func main() {
	req, err := http.NewRequest("POST", ${JSON.stringify(f.origin + '/v1/chat/completions')}, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", ${JSON.stringify('Bearer ' + f.key)})
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		log.Fatal(err)
	}
}`
}
