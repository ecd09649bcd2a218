// What stands within a line of text: emphasis, code, links, formulas, after the
// rules of CommonMark (https://spec.commonmark.org/0.31.2/#inlines). There is no
// HTML: what looks like it is text.
import { Marks, type Item } from './emphasis'
import { address, entity, plain } from './link'

/** A piece of text with what it is. */
export type Inline =
  | { kind: 'text' | 'code'; text: string }
  | { kind: 'math'; text: string; display: boolean }
  | { kind: 'break' }
  | { kind: 'note'; text: string } // a footnote's label
  | { kind: 'em' | 'strong' | 'del'; of: Inline[] }
  | { kind: 'link' | 'image'; href: string; of: Inline[] }

/** Where references lead to, by their label. */
export type References = ReadonlyMap<string, string>

/**
 * What a text says so far. The first `kept` nodes are of the first `stable`
 * characters and stay as they are, whatever follows.
 */
export interface Parsed {
  nodes: Inline[]
  stable: number
  kept: number
}

const plainRun = /[^\\`*_~$![\]<&\nh]+/y
const stretch = 256 // characters that are worth keeping by themselves

/** Parses a text. Of one that is `open` more is to come: what it has begun is shown as if it ended here. */
export function parse(source: string, references: References = new Map(), open = false): Parsed {
  return new Parser(source, references, open).run()
}

interface Bracket {
  item: Item
  image: boolean
  active: boolean
  at: number // of the text behind it
  marks: number // that were there before it
}

class Parser {
  at = 0
  out = new Marks()
  brackets: Bracket[] = []
  stuck = false // something began that what is to come may end
  ticks = new Set<number>() // lengths of runs of backticks that nothing closes
  pending = '' // text that is not yet an item
  stable = 0
  last: Item | undefined // before `stable`

  constructor(readonly source: string, readonly references: References, readonly open: boolean) {}

  run(): Parsed {
    const { source } = this
    while (this.at < source.length) {
      plainRun.lastIndex = this.at
      const found = plainRun.exec(source)?.[0]
      if (found) {
        this.text(found)
        this.keep(found)
      } else {
        this.special(source[this.at] as string)
      }
    }
    this.flush()
    this.out.match()
    if (this.open) this.out.assume()
    const before = this.out.collect(this.last)
    const after = this.out.collectAfter(this.last)
    return { nodes: before.concat(after), stable: this.stable, kept: before.length }
  }

  // keep notes that all before the last space is settled.
  keep(found: string): void {
    if (this.at - this.stable < stretch || this.stuck || this.brackets.length || this.out.waiting) return
    const space = found.lastIndexOf(' ')
    if (space < 0 || space + 1 === found.length) return // what follows decides over a space at the end of a line
    this.pending = this.pending.slice(0, this.pending.length - (found.length - space - 1))
    this.flush()
    this.last = this.out.last
    this.stable = this.at - (found.length - space - 1)
    this.pending = found.slice(space + 1)
  }

  text(text: string): void {
    this.pending += text
    this.at += text.length
  }

  flush(): Item | undefined {
    if (!this.pending) return undefined
    const item = this.out.push({ kind: 'text', text: this.pending })
    this.pending = ''
    return item
  }

  put(node: Inline, length: number): void {
    this.flush()
    this.out.push(node)
    this.at += length
  }

  special(c: string): void {
    switch (c) {
      case '\\': return this.escape()
      case '`': return this.code()
      case '$': return this.dollar()
      case '*': case '_': case '~': return this.mark(c)
      case '[': return this.bracket(false)
      case '!': return this.source[this.at + 1] === '[' ? this.bracket(true) : this.text(c)
      case ']': return this.close()
      case '<': return this.angle()
      case '&': return this.entity()
      case '\n': return this.newline()
      default: return this.bare(c)
    }
  }

  escape(): void {
    const next = this.source[this.at + 1] ?? ''
    if (next === '(' || next === '[') {
      const end = this.source.indexOf(next === '(' ? '\\)' : '\\]', this.at + 2)
      if (end > 0) return this.put({ kind: 'math', text: this.source.slice(this.at + 2, end), display: next === '[' }, end + 2 - this.at)
      this.stuck = true
    }
    if (next === '\n') return this.put({ kind: 'break' }, 2)
    if (/[!-/:-@[-`{-~]/.test(next)) {
      this.pending += next
      this.at += 2
    } else {
      this.text('\\')
    }
  }

  code(): void {
    const ticks = this.same('`')
    const n = ticks.length
    if (!this.ticks.has(n)) {
      for (let i = this.source.indexOf('`', this.at + n); i >= 0; i = this.source.indexOf('`', i)) {
        const from = i
        while (this.source[i] === '`') i++
        if (i - from === n) return this.put({ kind: 'code', text: stripped(this.source.slice(this.at + n, from)) }, i - this.at)
      }
      this.ticks.add(n)
    }
    this.stuck = true
    const rest = this.source.slice(this.at + n)
    if (this.open && !rest.includes('\n')) return this.put({ kind: 'code', text: stripped(rest) }, n + rest.length)
    this.text(ticks)
  }

  dollar(): void {
    const run = this.same('$')
    const display = run.length === 2
    const from = this.at + run.length
    if (run.length <= 2 && (display || /\S/.test(this.source[from] ?? ''))) {
      for (let end = this.source.indexOf(run, from); end >= 0; end = this.source.indexOf(run, end + 1)) {
        const text = this.source.slice(from, end)
        if (text.includes('\n\n') || text.length > 4000) break
        const fits = display || (/\S$/.test(text) && !text.endsWith('\\') && !/[\d$]/.test(this.source[end + 1] ?? '') && !/^\d.*\s[a-z]{3}/i.test(text))
        if (text && fits) return this.put({ kind: 'math', text, display }, end + run.length - this.at)
      }
    }
    this.stuck = true
    this.text(run)
  }

  mark(c: string): void {
    const run = this.same(c)
    const before = this.char(this.at, true)
    const after = this.char(this.at + run.length, false)
    if (this.at + run.length === this.source.length && this.open) {
      this.at += run.length // what it does is seen when more has come
      return
    }
    if (c === '~' && run.length !== 2) return this.text(run)
    this.flush()
    this.at += run.length
    this.out.mark(c, run, before, after)
    if (this.brackets.length === 0) this.out.match()
  }

  bracket(image: boolean): void {
    const note = /\[\^([^\]\s^]{1,64})\]/y
    note.lastIndex = this.at
    const label = image ? undefined : note.exec(this.source)
    if (label) return this.put({ kind: 'note', text: label[1] as string }, label[0].length)
    this.flush()
    const written = image ? '![' : '['
    const item = this.out.push({ kind: 'text', text: written })
    this.at += written.length
    this.brackets.push({ item, image, active: true, at: this.at, marks: this.out.waitingCount })
  }

  close(): void {
    const opened = this.brackets.pop()
    if (!opened) return this.text(']')
    const target = opened.active ? this.target(opened) : undefined
    if (!target) {
      this.text(']')
      if (this.brackets.length === 0) {
        this.flush()
        this.out.match()
      }
      return
    }
    this.flush()
    this.out.matchAbove(opened.marks)
    this.out.wrap(opened.item, opened.image ? 'image' : 'link', target.href)
    this.at = target.end
    if (!opened.image) for (const b of this.brackets) if (!b.image) b.active = false // no link within a link
    if (this.brackets.length === 0) this.out.match()
  }

  // target finds where a link leads to, behind its text: "(…)", "[…]", or nothing.
  target(opened: Bracket): { href: string; end: number } | undefined {
    const { source, at } = this
    if (source[at + 1] === '(') {
      const found = destination(source, at + 2)
      if (found === 'cut') this.stuck = true
      else if (found) return { href: address(plain(found.href)) ?? '', end: found.end }
      if (found === 'cut' && this.open) return { href: '', end: source.length }
    }
    const named = /\[([^[\]]{0,999})\]/y
    named.lastIndex = at + 1
    const label = named.exec(source)
    const href = this.references.get(reference(label?.[1] || source.slice(opened.at, at)))
    return href === undefined ? undefined : { href: address(href) ?? '', end: at + 1 + (label?.[0].length ?? 0) }
  }

  angle(): void {
    const here = (re: RegExp) => {
      re.lastIndex = this.at
      return re.exec(this.source)
    }
    const line = here(/<br *\/?>/iy)
    if (line) return this.put({ kind: 'break' }, line[0].length)
    const link = here(/<((?:https?:\/\/|mailto:)[^\s<>]+)>/iy) ?? here(/<([\w.!#$%&'*+/=?^`{|}~-]+@[a-z\d.-]+)>/iy)
    const href = link && address(/^(?:https?|mailto):/i.test(link[1] as string) ? (link[1] as string) : `mailto:${link[1]}`)
    if (link && href && this.brackets.every((b) => b.image)) return this.put({ kind: 'link', href, of: [{ kind: 'text', text: link[1] as string }] }, link[0].length)
    this.text('<')
  }

  entity(): void {
    const found = /&(?:#x[\da-f]{1,6}|#\d{1,7}|[a-z][a-z\d]{1,31});/iy
    found.lastIndex = this.at
    const written = found.exec(this.source)?.[0]
    const means = written && entity(written)
    this.pending += means ?? '&'
    this.at += means ? written.length : 1
  }

  newline(): void {
    const hard = / {2,}$/.test(this.pending)
    this.pending = this.pending.replace(/ +$/, '')
    if (hard) this.put({ kind: 'break' }, 1)
    else this.text('\n')
    while (this.source[this.at] === ' ') this.at++
  }

  // bare takes an address that stands in the text as it is.
  bare(c: string): void {
    const found = /https?:\/\/[^\s<>\u3000-\u303f\uff00-\uffef\u201c-\u201d]+/iy
    found.lastIndex = this.at
    const written = found.exec(this.source)?.[0]
    if (!written || this.brackets.some((b) => !b.image) || /[\w]/.test(this.source[this.at - 1] ?? '')) return this.text(c)
    const text = trimmed(written)
    const href = address(text)
    if (!href || !/^https?:\/\/[^/]/i.test(text)) return this.text(c)
    this.put({ kind: 'link', href, of: [{ kind: 'text', text }] }, text.length)
  }

  same(c: string): string {
    let end = this.at
    while (this.source[end] === c) end++
    return this.source.slice(this.at, end)
  }

  // char is the character before or at a position, whole, or a space at an end.
  char(at: number, before: boolean): string {
    if (!before) return at < this.source.length ? String.fromCodePoint(this.source.codePointAt(at) as number) : ' '
    if (at === 0) return ' '
    const low = this.source.charCodeAt(at - 1)
    return low >= 0xdc00 && low <= 0xdfff && at > 1 ? this.source.slice(at - 2, at) : (this.source[at - 1] as string)
  }
}

/** A reference's label as it is looked up. */
export function reference(label: string): string {
  return label.trim().replace(/\s+/g, ' ').toLowerCase()
}

// stripped is what stands in a code span: line ends are spaces, and one space at either end is none.
function stripped(text: string): string {
  const line = text.replaceAll('\n', ' ')
  return /^ .* $/.test(line) && /[^ ]/.test(line) ? line.slice(1, -1) : line
}

// trimmed cuts off what ends a sentence rather than an address.
function trimmed(url: string): string {
  let text = url
  for (;;) {
    const shorter = text.replace(/(?:[.,:;!?'"*_~`\]]|&[a-z]+;)+$/i, '')
    const closed = shorter.endsWith(')') && shorter.split(')').length > shorter.split('(').length ? shorter.slice(0, -1) : shorter
    if (closed === text) return text
    text = closed
  }
}

// destination reads "ADDRESS "title")" of a link; 'cut' where the text ends in it.
export function destination(source: string, at: number): { href: string; end: number } | 'cut' | undefined {
  const whole = /[ \n]*(?:<((?:[^<>\n\\]|\\.)*)>|((?:[^\s\\()<]|\\.|\((?:[^\s\\()]|\\.|\([^\s()]*\))*\))*))(?:[ \n]+(?:"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|\((?:[^()\\]|\\[^])*\)))?[ \n]*\)/y
  whole.lastIndex = at
  const found = whole.exec(source)
  if (found) return { href: found[1] ?? found[2] ?? '', end: whole.lastIndex }
  const rest = source.slice(at)
  return /^[ \n]*(?:<[^<>\n]*|[^\s<][^\s]*|)(?:[ \n]+(?:"[^"]*"?|'[^']*'?|\([^()]*\)?)?)?[ \n]*$/.test(rest) ? 'cut' : undefined
}
