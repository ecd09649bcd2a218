// Files that go with a question are uploaded first.
import { api, ask, headers, type Schema } from '../../core/api'
import { problemOf } from '../../core/problem'

// Addresses of pictures by the files' ids: of those chosen here, and of those fetched.
const pictures = new Map<string, string>()
const shown = /^image\/(png|jpeg|gif|webp|avif|bmp)$/

/** The address of a file's picture, where this page has it. */
export function pictureOf(id: string): string | undefined {
  return pictures.get(id)
}

/** Fetches the picture of a file of a chat, unless it is here; undefined of what is no picture, or is gone. */
export async function fetchPicture(organisation: string, chat: string, file: Schema<'ChatFile'>): Promise<string | undefined> {
  if (pictures.has(file.id) || !shown.test(file.type ?? '')) return pictures.get(file.id)
  try {
    const path = { chat, file: file.id }
    const picture = await ask(api.GET('/chats/{chat}/files/{file}', { params: { path, query: { organisation } }, parseAs: 'blob' }))
    pictures.set(file.id, URL.createObjectURL(picture))
  } catch { /* its name is shown */ }
  return pictures.get(file.id)
}

/** Lets go of the picture of a file that is not sent. */
export function forget(id: string): void {
  const url = pictures.get(id)
  if (url) URL.revokeObjectURL(url)
  pictures.delete(id)
}

/** Uploads a file in an organisation's name. Throws a Problem. */
export async function upload(org: string, file: File): Promise<Schema<'ChatFile'>> {
  const form = new FormData()
  form.set('purpose', 'user_data')
  form.set('file', file)
  const response = await fetch(`/api/v1/playground/files?organisation=${encodeURIComponent(org)}`, { method: 'POST', body: form, headers: headers(), credentials: 'same-origin' })
  if (!response.ok) throw await problemOf(response)
  const { id } = (await response.json()) as { id: string }
  if (shown.test(file.type)) pictures.set(id, URL.createObjectURL(file))
  return { id, name: file.name, type: file.type, size: file.size }
}

/** Saves a value as a file of JSON. */
export function save(name: string, value: unknown): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: 'application/json' }))
  const a = document.createElement('a')
  a.href = url
  a.download = `${name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60) || 'chat'}.json`
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
