// Formulas in MathML. The library that reads TeX is loaded when the first one comes.
import type Temml from 'temml'

let library: Promise<typeof Temml> | undefined
const made = new Map<string, Node>() // formulas of a paragraph that grows are asked for again and again
const most = 500

/**
 * Writes a formula in place of its source. What cannot be read stays as it was
 * written. Nothing in a formula may lead anywhere, define without end, or be larger
 * than what is around it.
 */
export function formula(into: HTMLElement, source: string, display: boolean): void {
  const key = (display ? '$$' : '$') + source
  const known = made.get(key)
  if (known) {
    into.replaceChildren(known.cloneNode(true))
    return
  }
  library ??= import('temml').then((loaded) => loaded.default)
  library.then(
    (temml) => {
      if (into.textContent !== source) return
      const math = document.createElement('span')
      try {
        temml.render(source, math, { displayMode: display, throwOnError: true, trust: false, maxExpand: 200, maxSize: [10, 50] })
      } catch {
        return
      }
      if (!math.firstChild) return
      if (made.size >= most) made.clear()
      made.set(key, math.firstChild)
      into.replaceChildren(math.firstChild.cloneNode(true))
    },
    () => (library = undefined), // it is tried again with the next one
  )
}
