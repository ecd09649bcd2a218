// Code that calls a model, filled in with the server's address, a key and a model.

/** What a snippet is filled with. */
export interface Filling {
  origin: string // the server's address, without /v1
  key: string
  model: string
}

/** A snippet. `where` names the file it belongs into, or the program that runs it. */
export interface Snippet {
  key: string
  name: string
  where: string
  text: string
}

/** The snippets, in the order in which they are shown. */
export function snippets({ origin, key, model }: Filling): Snippet[] {
  const v1 = `${origin}/v1`
  return [
    {
      key: 'curl', name: 'curl', where: 'shell',
      text: `curl ${v1}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "What is Sluice?"}]}'`,
    },
    {
      key: 'python', name: 'Python', where: 'pip install openai',
      text: `from openai import OpenAI

client = OpenAI(base_url="${v1}", api_key="${key}")

answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "What is Sluice?"}],
)
print(answer.choices[0].message.content)`,
    },
    {
      key: 'node', name: 'Node', where: 'npm install openai',
      text: `import OpenAI from 'openai'

const client = new OpenAI({ baseURL: '${v1}', apiKey: '${key}' })

const answer = await client.chat.completions.create({
  model: '${model}',
  messages: [{ role: 'user', content: 'What is Sluice?' }],
})
console.log(answer.choices[0].message.content)`,
    },
    {
      key: 'go', name: 'Go', where: 'go get github.com/openai/openai-go/v3',
      text: `client := openai.NewClient(
	option.WithBaseURL("${v1}"),
	option.WithAPIKey("${key}"),
)
answer, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
	Model:    "${model}",
	Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("What is Sluice?")},
})`,
    },
    {
      key: 'claude', name: 'Claude Code', where: 'shell',
      text: `export ANTHROPIC_BASE_URL=${origin}
export ANTHROPIC_AUTH_TOKEN=${key}
export ANTHROPIC_MODEL=${model}
export ANTHROPIC_DEFAULT_HAIKU_MODEL=${model}
claude`,
    },
    {
      key: 'codex', name: 'Codex', where: '~/.codex/config.toml',
      text: `# First: export SLUICE_API_KEY=${key}
model = "${model}"
model_provider = "sluice"

[model_providers.sluice]
name = "Sluice"
base_url = "${v1}"
env_key = "SLUICE_API_KEY"
wire_api = "responses"`,
    },
    {
      key: 'cline', name: 'Cline', where: 'Settings → API Provider: OpenAI Compatible',
      text: `Base URL: ${v1}
API Key:  ${key}
Model ID: ${model}`,
    },
    {
      key: 'opencode', name: 'opencode', where: 'opencode.json',
      text: JSON.stringify({
        $schema: 'https://opencode.ai/config.json',
        provider: {
          sluice: {
            npm: '@ai-sdk/openai-compatible',
            name: 'Sluice',
            options: { baseURL: v1, apiKey: key },
            models: { [model]: { name: model } },
          },
        },
        model: `sluice/${model}`,
      }, null, 2),
    },
  ]
}
