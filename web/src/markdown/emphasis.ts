// Runs of *, _ and ~~ and what they make of the text between them: CommonMark's
// delimiter stack (https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis).
import type { Inline } from './inline'

/** A node in a chain, so that what lies between two of them can be put into a third. */
export interface Item {
  node: Inline
  prev?: Item | undefined
  next?: Item | undefined
}

interface Mark {
  item: Item
  c: string
  left: number // characters that are not used up
  length: number
  opens: boolean
  closes: boolean
}

/** Whether a character is written without spaces between words. */
function joined(c: string): boolean {
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(c)
}

/** A chain of nodes, and the marks in it that may still pair. */
export class Marks {
  first: Item | undefined
  last: Item | undefined
  #stack: Mark[] = []
  #tried = 0 // of the stack, as closers
  #barren = new Map<string, number>()

  /** Whether a mark waits for its other half. */
  get waiting(): boolean { return this.#stack.length > 0 }
  get waitingCount(): number { return this.#stack.length }

  push(node: Inline): Item {
    const item: Item = { node, prev: this.last }
    if (this.last) this.last.next = item
    else this.first = item
    this.last = item
    return item
  }

  /** Adds a run between two characters. Beside scripts without spaces it needs none: `**是：**不`. */
  mark(c: string, run: string, before: string, after: string): void {
    const space = (s: string) => /\s/.test(s)
    const punctuation = (s: string) => /[\p{P}\p{S}]/u.test(s)
    const left = !space(after) && (!punctuation(after) || space(before) || punctuation(before) || joined(before))
    const right = !space(before) && (!punctuation(before) || space(after) || punctuation(after) || joined(after))
    const word = c === '_'
    const item = this.push({ kind: 'text', text: run })
    const opens = word ? left && (!right || punctuation(before)) : left
    const closes = word ? right && (!left || punctuation(after)) : right
    if (opens || closes) this.#stack.push({ item, c, left: run.length, length: run.length, opens, closes })
  }

  /** Pairs the marks that wait, the first that closes first. */
  match(): void {
    this.#pairFrom(this.#tried, 0, this.#barren)
    this.#tried = this.#stack.length
  }

  /** Pairs the marks above the first `bottom` that wait, and forgets the rest of them: they are in a link. */
  matchAbove(bottom: number): void {
    this.#pairFrom(bottom, bottom, new Map())
    this.#stack.length = Math.min(this.#stack.length, bottom)
    this.#tried = Math.min(this.#tried, bottom)
  }

  // #pairFrom tries the closers from an index on. `barren` says, by kind of closer,
  // below which index no opener for it is: nothing is searched twice.
  #pairFrom(from: number, bottom: number, barren: Map<string, number>): void {
    const stack = this.#stack
    let i = from
    while (i < stack.length) {
      const closer = stack[i] as Mark
      if (!closer.closes) { i++; continue }
      const kind = `${closer.c}${closer.opens}${closer.length % 3}`
      const floor = Math.max(bottom, barren.get(kind) ?? 0)
      let j = i - 1
      while (j >= floor && !pairs(stack[j] as Mark, closer)) j--
      if (j < floor) {
        barren.set(kind, i)
        if (closer.opens) i++
        else stack.splice(i, 1)
        continue
      }
      const opener = stack[j] as Mark
      this.#pair(opener, closer)
      i = j + 1
      stack.splice(i, stack.indexOf(closer, i) - i)
      if (opener.left === 0) {
        stack.splice(j, 1)
        i = j
        this.#drop(opener.item)
      }
      if (closer.left === 0) {
        stack.splice(i, 1)
        this.#drop(closer.item)
      }
      for (const [k, v] of barren) if (v > i) barren.set(k, i)
    }
  }

  // #pair puts what is between two marks into a node of its own.
  #pair(opener: Mark, closer: Mark): void {
    const n = opener.left >= 2 && closer.left >= 2 ? 2 : 1
    opener.left -= n
    closer.left -= n
    cut(opener.item, opener.left)
    cut(closer.item, closer.left)
    this.#enclose(opener.item, closer.item, { kind: opener.c === '~' ? 'del' : n === 2 ? 'strong' : 'em', of: [] })
  }

  // #enclose moves what is between two items into a node that takes its place.
  #enclose(from: Item, to: Item | undefined, node: Extract<Inline, { of: Inline[] }>): void {
    for (let item = from.next; item && item !== to; item = item.next) add(node.of, item.node)
    const made: Item = { node, prev: from, next: to }
    from.next = made
    if (to) to.prev = made
    else this.last = made
  }

  /** Makes a link of what follows an item, up to the end, and removes the item. */
  wrap(from: Item, kind: 'link' | 'image', href: string): void {
    this.#enclose(from, undefined, { kind, href, of: [] })
    this.#drop(from)
  }

  /** Takes bold text that has begun as if it ended at the end. */
  assume(): void {
    for (const mark of this.#stack.reverse()) {
      if (mark.c !== '*' || mark.left !== 2 || !mark.opens || !mark.item.next) continue
      this.#enclose(mark.item, undefined, { kind: 'strong', of: [] })
      this.#drop(mark.item)
    }
  }

  #drop(item: Item): void {
    if (item.prev) item.prev.next = item.next
    else this.first = item.next
    if (item.next) item.next.prev = item.prev
    else this.last = item.prev
  }

  /** The nodes up to an item, neighbouring texts joined. */
  collect(last: Item | undefined): Inline[] {
    const all: Inline[] = []
    if (!last) return all
    for (let item = this.first; item; item = item.next) {
      add(all, item.node)
      if (item === last) break
    }
    return all
  }

  /** The nodes behind an item, or all. */
  collectAfter(last: Item | undefined): Inline[] {
    const all: Inline[] = []
    for (let item = last ? last.next : this.first; item; item = item.next) add(all, item.node)
    return all
  }
}

function pairs(opener: Mark, closer: Mark): boolean {
  if (opener.c !== closer.c || !opener.opens) return false
  if (opener.c === '~') return opener.length === closer.length
  // A run that may do both pairs only where the lengths say so (rules 9 and 10).
  return !((opener.closes || closer.opens) && (opener.length + closer.length) % 3 === 0 && (opener.length % 3 !== 0 || closer.length % 3 !== 0))
}

function cut(item: Item, length: number): void {
  if (item.node.kind === 'text') item.node = { kind: 'text', text: item.node.text.slice(0, length) }
}

function add(to: Inline[], node: Inline): void {
  const before = to.at(-1)
  if (node.kind === 'text' && before?.kind === 'text') to[to.length - 1] = { kind: 'text', text: before.text + node.text }
  else if (node.kind !== 'text' || node.text) to.push(node)
}
