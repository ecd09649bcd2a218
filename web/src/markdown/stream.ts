// Markdown that is shown while it comes. Blocks that are closed are never touched
// again; of the open one only what is not settled is parsed anew.
import { codeBlock, formula, make, nodes, type Surroundings } from './dom'
import { Highlighter, type Piece } from './highlight'
import { parse, reference } from './inline'
import { address } from './link'
import { cells, plan, type Box, type Effect, type Leaf, type Opening, type Plan } from './line'

interface OpenBox extends Box {
  element: HTMLElement
  type: string // of a list: its marker, and whether it counts
  blank: boolean // its last line was blank
  children: number
}

interface OpenLeaf extends Leaf {
  element: HTMLElement
  settled: number // characters that are parsed for good
  fixed: number // nodes of these
  align: string[]
  colours: Highlighter | undefined
  line: string | undefined // of code or a table, that is coming; undefined in the line that opens code
  code: HTMLElement // what the lines of code, or the rows of a table, stand in
  row: HTMLElement | undefined // that is coming
}

/** A text that grows in an element. The element must be empty. */
export class Markdown {
  #boxes: OpenBox[] = []
  #leaf: OpenLeaf | undefined
  #rest = '' // of a line of which it is not clear what it is
  #middle = false // of a line whose text goes to the leaf
  #references = new Map<string, string>()

  constructor(readonly host: HTMLElement, readonly around: Surroundings) {}

  /** Takes what comes next. */
  append(text: string): void {
    this.#rest += text.replaceAll('\r', '').replaceAll('\0', '\ufffd')
    this.#run()
    if (this.#leaf) this.#show(this.#leaf, true)
  }

  /** Takes the end: what was open is closed. */
  end(): void {
    if (this.#rest && !this.#middle) this.#apply(plan(this.#boxes, this.#leaf, this.#rest, true) as Plan)
    this.#rest = ''
    this.#endLine()
    this.#close()
  }

  #run(): void {
    while (this.#rest) {
      const end = this.#rest.indexOf('\n')
      const line = end < 0 ? this.#rest : this.#rest.slice(0, end)
      if (this.#middle) this.#add(line)
      else {
        const planned = plan(this.#boxes, this.#leaf, line, end >= 0)
        if (!planned) return
        this.#apply(planned)
        this.#middle = true
      }
      if (end < 0) {
        this.#rest = ''
        return
      }
      this.#rest = this.#rest.slice(end + 1)
      this.#endLine()
    }
  }

  // #add gives text of a line to the block that takes it.
  #add(text: string): void {
    if (!this.#leaf) return
    if (this.#leaf.kind === 'fence' || this.#leaf.kind === 'code' || this.#leaf.kind === 'table') this.#leaf.line = (this.#leaf.line ?? '') + text
    else this.#leaf.text += text
  }

  #endLine(): void {
    if (!this.#middle) return
    this.#middle = false
    const leaf = this.#leaf
    if (leaf?.kind === 'heading') this.#close()
    else if (leaf?.kind === 'table') this.#endRow(leaf)
    else if (leaf?.kind === 'fence' || leaf?.kind === 'code') this.#endCode(leaf)
  }

  #apply({ matched, opens, effect, text }: Plan): void {
    const leaf = this.#leaf
    if (leaf && this.#goesOn(leaf, matched, opens, effect, text)) {
      if (effect.kind !== 'blank') for (const box of this.#boxes) box.blank = false
      return
    }
    this.#close()
    this.#boxes.length = matched
    const top = this.#boxes.at(-1)
    const next = opens[0]
    if (top?.kind === 'list' && !(next?.kind === 'item' && top.type === typeOf(next)) && (effect.kind !== 'blank' || next)) this.#boxes.pop()
    for (const opening of opens) this.#open(opening)
    if (effect.kind === 'blank') {
      if (opens.length === 0) for (const box of this.#boxes) box.blank = true
      return
    }
    this.#begin(effect, text)
    for (const box of this.#boxes) box.blank = false
  }

  // #goesOn continues the open block, if that is what the line does.
  #goesOn(leaf: OpenLeaf, matched: number, opens: Opening[], effect: Effect, text: string): boolean {
    const here = matched === this.#boxes.length && opens.length === 0
    switch (effect.kind) {
      case 'text':
        if (leaf.kind !== 'paragraph' || !here) return false
        leaf.text += '\n' + text
        return true
      case 'lazy':
        leaf.text += '\n' + text
        return true
      case 'more':
        if (leaf.kind === 'math') leaf.text += '\n' + text
        else leaf.line = text
        return true
      case 'row':
        leaf.line = text
        return true
      case 'end':
        if (leaf.kind === 'math') leaf.text += '\n' + text
        this.#close()
        return true
      case 'setext':
        this.#retitle(leaf, effect.level)
        return true
      case 'table':
        this.#tabulate(leaf, effect.align)
        return true
    }
    return false
  }

  #open(opening: Opening): void {
    const box = (kind: Box['kind'], element: HTMLElement, indent: number, type = ''): OpenBox => ({ kind, element, indent, type, empty: true, blank: false, children: 0 })
    switch (opening.kind) {
      case 'quote':
        this.#boxes.push(box('quote', this.#put(make(this.around, 'blockquote')), 0))
        return
      case 'note': {
        const note = this.#put(make(this.around, 'div', { class: 'note' }))
        const label = make(this.around, 'sup')
        label.append(this.around.document.createTextNode(opening.label))
        note.append(label)
        this.#boxes.push(box('note', note, 4))
        return
      }
    }
    const type = typeOf(opening)
    let list = this.#boxes.at(-1)
    if (list?.kind !== 'list') {
      const element = this.#put(make(this.around, opening.start === undefined ? 'ul' : 'ol'))
      if (opening.start !== undefined && opening.start !== 1) element.setAttribute('start', String(opening.start))
      this.#boxes.push((list = box('list', element, 0, type)))
    }
    if (list.blank && list.children > 0) list.element.setAttribute('class', 'loose')
    list.children++
    const item = make(this.around, 'li')
    if (opening.task !== undefined) {
      item.setAttribute('class', 'task')
      item.append(this.around.document.createTextNode(opening.task ? '☑ ' : '☐ '))
    }
    list.element.append(item)
    this.#boxes.push(box('item', item, opening.indent))
  }

  // #put adds a block to what is open.
  #put<E extends HTMLElement>(element: E): E {
    const box = this.#boxes.at(-1)
    if (!box) {
      this.host.append(element)
      return element
    }
    if (box.kind === 'item' && box.blank && box.children > 0) this.#boxes.at(-2)?.element.setAttribute('class', 'loose')
    box.children++
    box.empty = false
    box.element.append(element)
    return element
  }

  #begin(effect: Effect, text: string): void {
    switch (effect.kind) {
      case 'rule':
        this.#put(make(this.around, 'hr'))
        return
      case 'reference': {
        const label = reference(effect.label)
        if (!this.#references.has(label) && address(effect.href)) this.#references.set(label, effect.href)
        return
      }
      case 'heading':
        this.#start('heading', this.#put(make(this.around, `h${Math.min(effect.level + 1, 6)}` as 'h2')), text)
        return
      case 'fence': case 'code': {
        const language = effect.kind === 'fence' ? effect.language : ''
        const { element, code } = codeBlock(this.around, language)
        const leaf = this.#start(effect.kind, this.#put(element), '', code)
        leaf.colours = new Highlighter(language)
        if (effect.kind === 'fence') Object.assign(leaf, { fence: effect.fence, indent: effect.indent, line: undefined })
        else leaf.line = text
        return
      }
      case 'math': {
        const leaf = this.#start('math', this.#put(make(this.around, 'p')), text)
        leaf.fence = effect.fence
        if (effect.closed) this.#close()
        return
      }
      default:
        this.#start('paragraph', this.#put(make(this.around, 'p')), text)
    }
  }

  #start(kind: Leaf['kind'], element: HTMLElement, text: string, code = element): OpenLeaf {
    return (this.#leaf = { kind, text, fence: '', indent: 0, element, settled: 0, fixed: 0, align: [], colours: undefined, line: '', code, row: undefined })
  }

  // #show writes what is new in the open block.
  #show(leaf: OpenLeaf, open: boolean): void {
    switch (leaf.kind) {
      case 'paragraph': case 'heading':
        return this.#showText(leaf, open)
      case 'fence': case 'code':
        if (leaf.line) this.#showCode(leaf, leaf.colours?.peek(leaf.line) ?? [])
        return
      case 'table':
        if (leaf.line) this.#showRow(leaf, open)
    }
  }

  #showText(leaf: OpenLeaf, open: boolean): void {
    let text = leaf.text.slice(leaf.settled)
    if (leaf.kind === 'heading') text = text.trim().replace(/(?:^|[ \t]+)#+$/, '')
    else if (!open) text = text.trimEnd()
    // The first row of a table is one only when the second has come.
    if (open && leaf.settled === 0 && /^\|[^\n]*$/.test(text)) return
    const { nodes: all, stable, kept } = parse(text, this.#references, open)
    replace(leaf.element, leaf.fixed, nodes(this.around, all))
    if (leaf.kind === 'paragraph') {
      leaf.settled += stable
      leaf.fixed += kept
    }
  }

  #showCode(leaf: OpenLeaf, pieces: Piece[]): void {
    replace(leaf.code, leaf.fixed, pieces.map(([kind, text]) => {
      if (!kind) return this.around.document.createTextNode(text)
      const span = make(this.around, 'span', { class: kind })
      span.append(this.around.document.createTextNode(text))
      return span
    }))
  }

  // #endCode settles a line of code. Lines before the first one are none: what opens the block.
  #endCode(leaf: OpenLeaf): void {
    if (leaf.line !== undefined) {
      const pieces = leaf.colours?.line(leaf.line) ?? []
      const last = pieces.at(-1)
      if (last && !last[0]) last[1] += '\n'
      else pieces.push(['', '\n'])
      this.#showCode(leaf, pieces)
      leaf.fixed += pieces.length
    }
    leaf.line = ''
  }

  #showRow(leaf: OpenLeaf, open: boolean): void {
    if (!leaf.row) leaf.code.append((leaf.row = make(this.around, 'tr')))
    leaf.row.replaceChildren(...this.#cells(leaf, leaf.line ?? '', 'td', open))
  }

  #endRow(leaf: OpenLeaf): void {
    if (leaf.line) this.#showRow(leaf, false)
    leaf.line = ''
    leaf.row = undefined
  }

  #cells(leaf: OpenLeaf, row: string, kind: 'td' | 'th', open = false): HTMLElement[] {
    const texts = cells(row)
    return leaf.align.map((align, i) => {
      const cell = make(this.around, kind, align ? { class: align } : {})
      cell.append(...nodes(this.around, parse(texts[i] ?? '', this.#references, open && i === texts.length - 1).nodes))
      return cell
    })
  }

  // #retitle makes a heading of a paragraph.
  #retitle(leaf: OpenLeaf, level: number): void {
    const heading = make(this.around, `h${level + 1}` as 'h2')
    heading.append(...nodes(this.around, parse(leaf.text.trim(), this.#references).nodes))
    leaf.element.replaceWith(heading)
    this.#leaf = undefined
  }

  // #tabulate makes a table of the last line of a paragraph.
  #tabulate(leaf: OpenLeaf, align: string[]): void {
    const cut = leaf.text.lastIndexOf('\n')
    const head = leaf.text.slice(cut + 1)
    const wide = make(this.around, 'div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': this.around.words.table })
    if (cut >= 0) {
      leaf.text = leaf.text.slice(0, cut)
      leaf.settled = leaf.fixed = 0
      this.#show(leaf, false)
      leaf.element.after(wide)
    } else {
      leaf.element.replaceWith(wide)
    }
    const table = make(this.around, 'table')
    const top = make(this.around, 'thead')
    const row = make(this.around, 'tr')
    const body = make(this.around, 'tbody')
    const started = this.#start('table', wide, '', body)
    started.align = align
    row.append(...this.#cells(started, head, 'th'))
    top.append(row)
    table.append(top, body)
    wide.append(table)
  }

  #close(): void {
    const leaf = this.#leaf
    if (!leaf) return
    this.#leaf = undefined
    if (leaf.kind === 'math') leaf.element.replaceWith(formula(this.around, leaf.text, true))
    else if (leaf.kind === 'code') trimEnd(leaf.code)
    else this.#show(leaf, false)
  }
}

function typeOf(item: Extract<Opening, { kind: 'item' }>): string {
  return (item.start === undefined ? '' : '1') + item.marker
}

// replace puts nodes behind the first `fixed` of an element's, in place of what is there.
function replace(element: HTMLElement, fixed: number, all: Node[]): void {
  while (element.childNodes.length > fixed) element.lastChild?.remove()
  element.append(...all)
}

// trimEnd takes the blank lines at the end away.
function trimEnd(element: HTMLElement): void {
  for (let last = element.lastChild; last && /^\n*$/.test(last.textContent ?? ''); last = element.lastChild) {
    if (last.previousSibling === null || !/\n$/.test(last.previousSibling.textContent ?? '')) return
    last.remove()
  }
}
