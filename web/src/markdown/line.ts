// What a line of Markdown begins: CommonMark's blocks
// (https://spec.commonmark.org/0.31.2/#container-blocks), GitHub's tables and
// tasks, footnotes and formulas. `plan` looks at the beginning of a line only as
// far as it must, so that a line is shown while it is still coming.

/** How many boxes may stand in each other; what goes further is text. */
export const deepest = 32

/** A block with blocks in it. */
export interface Box {
  kind: 'quote' | 'list' | 'item' | 'note'
  indent: number // columns that its lines are moved in
  empty: boolean // an item in which nothing is yet
}

/** A block of text. */
export interface Leaf {
  kind: 'paragraph' | 'heading' | 'fence' | 'code' | 'math' | 'table'
  text: string
  fence: string // what closes it
  indent: number // columns of white space that are not its lines'
}

/** A box that a line opens. */
export type Opening =
  | { kind: 'quote' }
  | { kind: 'note'; label: string }
  | { kind: 'item'; marker: string; start: number | undefined; indent: number; task: boolean | undefined }

/** What becomes of the text of a line. */
export type Effect =
  | { kind: 'blank' | 'text' | 'lazy' | 'rule' | 'code' | 'more' | 'row' | 'end' }
  | { kind: 'heading' | 'setext'; level: number }
  | { kind: 'fence'; fence: string; language: string; indent: number }
  | { kind: 'math'; fence: string; closed: boolean }
  | { kind: 'table'; align: string[] }
  | { kind: 'reference'; label: string; href: string }

/** How a line goes on: which boxes stay open, which it opens, and what its text is. */
export interface Plan {
  matched: number
  opens: Opening[]
  effect: Effect
  text: string
}

const bullet = /^([-+*])(?=[ \t]|$)/
const number = /^(\d{1,9})([.)])(?=[ \t]|$)/
const rule = /^(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/
const delimiters = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/

// Beginnings of lines of which only more text tells what they are.
const unclear = [
  /^(?:[-+*]|\d{1,9}[.)]?)$/, // of a list
  /^(?:[*_-][ \t]*)+$/, // a rule
  /^#{1,6}$/,
  /^(?:`{1,2}|~{1,2}|`{3,}[^`]*|~{3,}.*)$/, // a fence, with its language
  /^>$/,
  /^(?:\$|\$\$.*|\\|\\\[.*)$/s, // a formula
  /^\[(?:\^[^\]\s]{0,64}(?:\]:?[ \t]*)?|[^\]^][^\]]{0,998}(?:\](?::.*)?)?)?$/s, // a footnote, or where a reference leads
]

/** Plans a line, or the beginning of one that is not `whole`; undefined until it is clear. */
export function plan(boxes: readonly Box[], leaf: Leaf | undefined, source: string, whole: boolean): Plan | undefined {
  const at = new Cursor(source)
  let matched = 0
  for (const box of boxes) {
    if (at.blank && !whole) return undefined
    const on = goesOn(box, at, whole)
    if (on === undefined) return undefined
    if (!on) break
    matched++
  }
  if (at.blank && !whole) return undefined
  const all = matched === boxes.length
  const done = (effect: Effect, text = '', opens: Opening[] = []): Plan => ({ matched, opens, effect, text })
  if (all && leaf) {
    const inside = within(leaf, at, whole)
    if (inside === 'wait') return undefined
    if (inside) return done(inside.effect, inside.text)
  }
  const opens: Opening[] = []
  const paragraph = leaf?.kind === 'paragraph'
  for (;;) {
    if (at.blank) return whole ? done({ kind: 'blank' }, '', opens) : undefined
    const goingOn = paragraph && opens.length === 0
    if (at.indent >= 4) {
      if (goingOn) break
      at.skip(4)
      return done({ kind: 'code' }, at.rest, opens)
    }
    const rest = at.rest.trimStart()
    if (!whole && waits(rest, goingOn && all, leaf)) return undefined
    const align = goingOn && all ? delimited(rest, leaf) : undefined
    if (align) return done({ kind: 'table', align }, '', opens)
    const opening = boxes.length + opens.length < deepest ? opener(rest, at, goingOn && all, whole) : undefined
    if (opening === 'wait') return undefined
    if (opening) {
      opens.push(opening)
      continue
    }
    const effect = begins(rest, goingOn && all, leaf, at.indent)
    if (effect) return done(effect.effect, effect.text, opens)
    break
  }
  const text = at.rest.trimStart()
  if (paragraph && opens.length === 0 && !all) {
    matched = boxes.length // a paragraph goes on without the marks of what it is in
    return done({ kind: 'lazy' }, text)
  }
  return done({ kind: 'text' }, text, opens)
}

function waits(rest: string, below: boolean, leaf: Leaf | undefined): boolean {
  if (unclear.some((re) => re.test(rest))) return true
  if (!below) return false
  return /^=+[ \t]*$/.test(rest) || (/^[|:\- \t]+$/.test(rest) && (leaf?.text ?? '').includes('|'))
}

// goesOn takes what marks a line as a box's; undefined where that is not clear yet.
function goesOn(box: Box, at: Cursor, whole: boolean): boolean | undefined {
  switch (box.kind) {
    case 'list':
      return true // its item decides
    case 'quote':
      if (at.indent > 3 || at.next !== '>') return false
      if (!whole && at.rest.trimStart() === '>') return undefined
      at.quote()
      return true
    case 'item':
      if (at.blank) return !box.empty
  }
  if (at.blank) return true
  if (at.indent < box.indent) return false
  at.skip(box.indent)
  return true
}

// within continues a block that takes lines as they are, or a table.
function within(leaf: Leaf, at: Cursor, whole: boolean): { effect: Effect; text: string } | 'wait' | undefined {
  const bare = at.rest.trim()
  if (leaf.kind === 'fence') {
    if (at.indent < 4 && bare && /^(`+|~+)$/.test(bare) && bare[0] === leaf.fence[0]) {
      if (!whole) return 'wait'
      if (bare.length >= leaf.fence.length) return { effect: { kind: 'end' }, text: '' }
    }
    at.skip(Math.min(at.indent, leaf.indent))
    return { effect: { kind: 'more' }, text: at.rest }
  }
  if (leaf.kind === 'math') {
    if (!bare) return undefined // a blank line ends a formula that nothing ended
    const end = bare.indexOf(leaf.fence)
    if (end >= 0) return whole ? { effect: { kind: 'end' }, text: bare.slice(0, end) } : 'wait'
    return whole ? { effect: { kind: 'more' }, text: at.rest } : 'wait'
  }
  if (leaf.kind === 'code' && (at.blank || at.indent >= 4)) {
    at.skip(4)
    return { effect: { kind: 'more' }, text: at.rest }
  }
  if (leaf.kind === 'table' && !at.blank && at.indent < 4) {
    const rest = at.rest.trimStart()
    if (!whole && waits(rest, false, leaf)) return 'wait'
    if (!begins(rest, false, leaf) && !opener(rest, at.copy(), false, whole)) return { effect: { kind: 'row' }, text: rest }
  }
  return undefined
}

// opener takes what opens a box; 'wait' where the indent of what is in it is not clear yet.
function opener(rest: string, at: Cursor, paragraph: boolean, whole: boolean): Opening | 'wait' | undefined {
  if (rest[0] === '>') {
    at.quote()
    return { kind: 'quote' }
  }
  const label = /^\[\^([^\]\s]{1,64})\]:[ \t]*/.exec(rest)
  if (label) {
    at.skip(at.indent)
    at.take(label[0].length)
    return { kind: 'note', label: label[1] as string }
  }
  if (rule.test(rest)) return undefined
  const point = bullet.exec(rest)
  const numbered = point ? null : number.exec(rest)
  const found = point ?? numbered
  if (!found) return undefined
  const empty = /^[ \t]*$/.test(rest.slice(found[0].length))
  const start = numbered ? Number(numbered[1]) : undefined
  if (empty && !whole) return 'wait'
  if (paragraph && (empty || (numbered && start !== 1))) return undefined
  if (empty) {
    // What is in it is as far in as if a space followed.
    const indent = at.indent + found[0].length + 1
    at.end()
    return { kind: 'item', marker: numbered ? (numbered[2] as string) : (found[1] as string), start, indent, task: undefined }
  }
  const before = at.indent
  at.skip(before)
  at.take(found[0].length)
  const space = at.indent
  const inner = space > 4 ? 1 : space
  at.skip(inner)
  if (!whole && /^\[(?:[ xX](?:\][ \t]*)?)?$/.test(at.rest)) return 'wait'
  const box = /^\[([ xX])\][ \t]+(?=\S)/.exec(at.rest)
  if (box) at.take(box[0].length)
  return { kind: 'item', marker: numbered ? (numbered[2] as string) : (found[1] as string), start, indent: before + found[0].length + inner, task: box ? box[1] !== ' ' : undefined }
}

// begins finds what a line begins that opens no box. `below` says that it stands
// below a paragraph, which it may turn into a heading.
function begins(rest: string, below: boolean, leaf: Leaf | undefined, indent = 0): { effect: Effect; text: string } | undefined {
  const heading = /^(#{1,6})(?:[ \t]+|$)/.exec(rest)
  if (heading) return { effect: { kind: 'heading', level: (heading[1] as string).length }, text: rest.slice(heading[0].length) }
  const fence = /^(`{3,})([^`]*)$|^(~{3,})(.*)$/.exec(rest)
  if (fence) return { effect: { kind: 'fence', fence: (fence[1] ?? fence[3]) as string, language: /^[^\s{,]*/.exec((fence[2] ?? fence[4] ?? '').trim())?.[0] ?? '', indent }, text: '' }
  const line = below ? /^(=+|-+)[ \t]*$/.exec(rest) : null
  if (line) return { effect: { kind: 'setext', level: rest[0] === '=' ? 1 : 2 }, text: '' }
  if (rule.test(rest)) return { effect: { kind: 'rule' }, text: '' }
  const formula = /^(\$\$|\\\[)(.*)$/s.exec(rest.trimEnd())
  if (formula) {
    const close = formula[1] === '$$' ? '$$' : '\\]'
    const body = formula[2] as string
    const end = body.indexOf(close)
    if (end < 0) return { effect: { kind: 'math', fence: close, closed: false }, text: body }
    if (end + close.length === body.length) return { effect: { kind: 'math', fence: close, closed: true }, text: body.slice(0, end) }
  }
  const target = leaf?.kind === 'paragraph' ? null : /^\[([^\]^][^\]]*)\]:[ \t]*(?:<([^<>]*)>|(\S+))(?:[ \t]+(?:"[^"]*"|'[^']*'|\([^)]*\)))?[ \t]*$/.exec(rest)
  if (target) return { effect: { kind: 'reference', label: target[1] as string, href: (target[2] ?? target[3]) as string }, text: '' }
  return undefined
}

// delimited is how the columns of a table are aligned, where a line says so and has as many as the line above.
function delimited(rest: string, leaf: Leaf | undefined): string[] | undefined {
  const head = leaf?.text.slice(leaf.text.lastIndexOf('\n') + 1) ?? ''
  if (!head.includes('|') || !delimiters.test(rest)) return undefined
  const align = cells(rest).map((c) => (c.endsWith(':') ? (c.startsWith(':') ? 'center' : 'end') : ''))
  return cells(head).length === align.length ? align : undefined
}

/** The cells of a row of a table. */
export function cells(row: string): string[] {
  const all = row.trim().replace(/^\|/, '').split(/(?<!\\)\|/)
  if (all.length > 1 && all.at(-1)?.trim() === '') all.pop()
  return all.map((c) => c.trim().replaceAll('\\|', '|'))
}

/** Walks along a line by columns: a tab leads to the next multiple of four. */
class Cursor {
  #at = 0
  #column = 0
  #extra = 0 // columns of a tab that are left

  constructor(readonly source: string) {}

  copy(): Cursor {
    const c = new Cursor(this.source)
    c.#at = this.#at
    c.#column = this.#column
    c.#extra = this.#extra
    return c
  }

  get rest(): string { return ' '.repeat(this.#extra) + this.source.slice(this.#at) }
  get blank(): boolean { return !/[^ \t]/.test(this.source.slice(this.#at)) }
  get next(): string { return /[^ \t]/.exec(this.source.slice(this.#at))?.[0] ?? '' }

  /** Columns of white space before what comes next. */
  get indent(): number {
    let column = this.#column + this.#extra
    for (let i = this.#at; this.source[i] === ' ' || this.source[i] === '\t'; i++) column += this.source[i] === '\t' ? 4 - (column % 4) : 1
    return column - this.#column
  }

  /** Goes over so many columns of white space, or all there is. */
  skip(columns: number): void {
    let left = columns
    const extra = Math.min(left, this.#extra)
    this.#extra -= extra
    this.#column += extra
    left -= extra
    while (left > 0 && (this.source[this.#at] === ' ' || this.source[this.#at] === '\t')) {
      const width = this.source[this.#at] === '\t' ? 4 - (this.#column % 4) : 1
      this.#at++
      this.#column += Math.min(width, left)
      this.#extra = Math.max(0, width - left)
      left -= width
    }
  }

  /** Goes over so many characters. */
  take(n: number): void {
    this.#at += n
    this.#column += n
  }

  /** Goes over the mark of a quote and the space behind it. */
  quote(): void {
    this.skip(this.indent)
    this.take(1)
    this.skip(1)
  }

  end(): void { this.take(this.source.length - this.#at) }
}
