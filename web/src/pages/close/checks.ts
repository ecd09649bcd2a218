// What a close rests on, in words.
import type { Schema } from '../../core/api'

/** Whether both sides of a check agree. */
export function standing(c: Schema<'Check'>): 'agrees' | 'differs' | 'explained' | 'unknown' {
  if (c.unknown) return 'unknown'
  if (c.explained) return 'explained'
  return c.difference ? 'differs' : 'agrees'
}

/** A check's subject, such as `engine:gpu1`, in words. */
export function about(subject: string, words: Record<string, string>): string {
  const [kind = '', ...rest] = subject.split(':')
  const of = rest.join(':')
  return (words[kind] ?? kind) + (of && ` · ${of}`)
}
