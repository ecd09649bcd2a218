// As much of a document as the Markdown renderer asks for, to look at in Node.
class Node {
  parentNode = null
  get previousSibling() { return this.#beside(-1) }
  get nextSibling() { return this.#beside(1) }
  #beside(step) { return this.parentNode ? (this.parentNode.childNodes[this.parentNode.childNodes.indexOf(this) + step] ?? null) : null }
  remove() {
    if (!this.parentNode) return
    const all = this.parentNode.childNodes
    const at = all.lastIndexOf(this)
    all.splice(at, 1)
    this.parentNode = null
  }
  replaceWith(other) {
    const all = this.parentNode.childNodes
    other.remove()
    all[all.indexOf(this)] = other
    other.parentNode = this.parentNode
    this.parentNode = null
  }
  after(other) {
    const all = this.parentNode.childNodes
    other.remove()
    all.splice(all.indexOf(this) + 1, 0, other)
    other.parentNode = this.parentNode
  }
}

class Text extends Node {
  constructor(text) { super(); this.textContent = text }
}

/** An element with attributes, and nothing that parses HTML. */
export class Element extends Node {
  childNodes = []
  attributes = {}
  constructor(name) { super(); this.name = name }
  setAttribute(key, value) { this.attributes[key] = String(value) }
  get lastChild() { return this.childNodes.at(-1) ?? null }
  append(...nodes) {
    for (const node of nodes) {
      if (!(node instanceof Node)) throw new TypeError(`a string is appended: ${node}`)
      node.remove()
      node.parentNode = this
      this.childNodes.push(node)
    }
  }
  replaceChildren(...nodes) {
    for (const node of [...this.childNodes]) node.remove()
    this.append(...nodes)
  }
  addEventListener() {}
  get textContent() { return this.childNodes.map((n) => n.textContent).join('') }
  set textContent(text) { this.replaceChildren(new Text(text)) }
  set innerHTML(_) { throw new Error('innerHTML is used') }
}

export const document = { createElement: (name) => new Element(name), createTextNode: (text) => new Text(text) }

const kept = ['href', 'class', 'start']

/** An element's content as text: elements as in HTML, with the attributes that say something. */
export function written(node, attributes = kept) {
  let out = ''
  let text = ''
  const flush = () => {
    out += text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])
    text = ''
  }
  for (const child of node.childNodes) {
    if (!(child instanceof Element)) {
      text += child.textContent
      continue
    }
    flush()
    const said = attributes.filter((a) => child.attributes[a] !== undefined).map((a) => ` ${a}="${child.attributes[a]}"`)
    out += `<${child.name}${said.join('')}>${written(child, attributes)}</${child.name}>`
  }
  flush()
  return out
}

/** All elements below a node. */
export function elements(node) {
  return node.childNodes.flatMap((n) => (n instanceof Element ? [n, ...elements(n)] : []))
}

export const words = { copy: 'Copy', copied: 'Copied', code: 'Code', table: 'Table', image: 'Picture' }
