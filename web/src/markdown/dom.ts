// Inline text as nodes of a document. Nothing is ever parsed as HTML.
import type { Inline } from './inline'

/** What a renderer needs of its surroundings. */
export interface Surroundings {
  document: Document
  words: { copy: string; copied: string; code: string; table: string; image: string }
  formula?: (into: HTMLElement, text: string, display: boolean) => void // writes a formula; its source stands there until then
  copy?: (text: string) => Promise<void>
}

const deepest = 24 // emphasis in emphasis; what goes further is text

/** An element with attributes, all of them given by us. */
export function make<Name extends keyof HTMLElementTagNameMap>(around: Surroundings, name: Name, attributes: Record<string, string> = {}): HTMLElementTagNameMap[Name] {
  const element = around.document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}

/** Inline nodes as nodes of the document. */
export function nodes(around: Surroundings, all: readonly Inline[], linked = false, depth = 0): Node[] {
  return all.map((one) => node(around, one, linked, depth))
}

function node(around: Surroundings, one: Inline, linked: boolean, depth: number): Node {
  const text = (what: string) => around.document.createTextNode(what)
  const within = (element: HTMLElement, of: readonly Inline[], links = linked) => {
    element.append(...nodes(around, of, links, depth + 1))
    return element
  }
  switch (one.kind) {
    case 'text':
      return text(one.text)
    case 'break':
      return make(around, 'br')
    case 'code': {
      const code = make(around, 'code')
      code.append(text(one.text))
      return code
    }
    case 'note': {
      const sup = make(around, 'sup')
      sup.append(text(one.text))
      return sup
    }
    case 'math':
      return formula(around, one.text, one.display)
    case 'em': case 'strong': case 'del':
      return depth < deepest ? within(make(around, one.kind), one.of) : text(words(one.of))
    case 'link':
      if (!one.href || linked || depth >= deepest) return within(make(around, 'span'), one.of)
      return within(link(around, one.href), one.of, true)
    case 'image': {
      // Pictures of other servers are not loaded: a link says where they are.
      const label = words(one.of) || around.words.image
      if (!one.href || linked) return text(label)
      const a = link(around, one.href)
      a.setAttribute('class', 'picture')
      a.append(text(label))
      return a
    }
  }
}

function link(around: Surroundings, href: string): HTMLElement {
  return make(around, 'a', { href, target: '_blank', rel: 'noopener noreferrer nofollow', title: href })
}

/** A formula: its source, until it is written. */
export function formula(around: Surroundings, source: string, display: boolean): HTMLElement {
  const span = make(around, 'span', { class: display ? 'math display' : 'math' })
  span.append(around.document.createTextNode(source.trim()))
  around.formula?.(span, source.trim(), display)
  return span
}

/** What inline nodes say, without what they are. */
function words(all: readonly Inline[]): string {
  let said = ''
  const left = [...all].reverse() // it may be as deep as it is long
  for (let one = left.pop(); one; one = left.pop()) {
    if ('of' in one) left.push(...one.of.toReversed())
    else said += 'text' in one ? one.text : ' '
  }
  return said
}

/** A block of code that is being written: its lines are coloured once, the last one as it grows. */
export function codeBlock(around: Surroundings, language: string): { element: HTMLElement; code: HTMLElement } {
  const element = make(around, 'figure', { class: 'code' })
  const head = make(around, 'figcaption')
  const name = make(around, 'span')
  name.append(around.document.createTextNode(language))
  const button = make(around, 'button', { type: 'button' })
  button.append(around.document.createTextNode(around.words.copy))
  const pre = make(around, 'pre', { tabindex: '0', 'aria-label': language || around.words.code })
  const code = make(around, 'code')
  button.addEventListener('click', () => {
    void around.copy?.(code.textContent ?? '').then(() => {
      button.textContent = around.words.copied
      setTimeout(() => (button.textContent = around.words.copy), 1600)
    })
  })
  head.append(name, button)
  pre.append(code)
  element.append(head, pre)
  return { element, code }
}
