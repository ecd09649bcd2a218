// Files beside a question: small images go into the request, others are uploaded first.
import { headers } from '../../core/api'
import { Problem, problemOf } from '../../core/problem'
import { t } from '../../core/text.svelte'
import type { Attachment } from './request'

const inline = 4 << 20 // bytes of an image that goes into the request itself
const largest = 64 << 20

/** Makes a file ready to be sent. Throws a Problem. */
export async function attach(org: string, file: File): Promise<Attachment> {
  if (file.size > largest) throw new Problem(t.playground.tooLarge(file.name), 'invalid')
  const plain = { name: file.name || t.playground.attached, bytes: file.size }
  if (/^image\/(png|jpeg|webp|gif)$/.test(file.type) && file.size <= inline) return { ...plain, image: await dataURL(file) }
  return { ...plain, file: await upload(org, file) }
}

function dataURL(file: File): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader()
    reader.onload = () => done(reader.result as string)
    reader.onerror = () => fail(reader.error)
    reader.readAsDataURL(file)
  })
}

async function upload(org: string, file: File): Promise<string> {
  const form = new FormData()
  form.set('purpose', 'user_data')
  form.set('file', file)
  const response = await fetch(`/api/v1/playground/files?organisation=${encodeURIComponent(org)}`, { method: 'POST', body: form, headers: headers(), credentials: 'same-origin' })
  if (!response.ok) throw await problemOf(response)
  return ((await response.json()) as { id: string }).id
}
