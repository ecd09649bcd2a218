// Which page is shown. Addresses are real paths below /console; links are
// plain <a href>, and a click on one of ours does not load the document anew.
import type { Component } from 'svelte'

export { match, type Params } from './match'

/** Where the console stands on the server. */
export const base = '/console'

/** A page and its address: `/:org/keys` gives the page the property `org`. */
export interface Route {
  path: string
  load: () => Promise<{ default: Component<any> }>
}

class Router {
  path = $state('/')
  query = $state.raw(new URLSearchParams())

  constructor() {
    this.#read()
    addEventListener('popstate', () => this.#read())
    document.addEventListener('click', (event) => this.#click(event))
  }

  /** Goes to a path below /console, with its query: `/org_1/usage?model=glm`. */
  go(path: string, replace = false): void {
    if (replace) history.replaceState(null, '', base + path)
    else history.pushState(null, '', base + path)
    const before = this.path
    this.#read()
    if (this.path !== before) scrollTo(0, 0)
  }

  /** Changes the query without a step in the history; empty values are removed. */
  set(values: Record<string, string>): void {
    const query = new URLSearchParams(this.query)
    for (const [name, value] of Object.entries(values)) {
      if (value) query.set(name, value)
      else query.delete(name)
    }
    const text = query.toString()
    this.go(this.path + (text && '?' + text), true)
  }

  #read(): void {
    this.path = location.pathname.slice(base.length).replace(/\/+$/, '') || '/'
    this.query = new URLSearchParams(location.search)
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.pathname !== base && !link.pathname.startsWith(base + '/')) return
    event.preventDefault()
    this.go(link.pathname.slice(base.length) + link.search)
  }
}

export const router = new Router()

/** The href of a path below /console. */
export function href(path: string): string {
  return base + path
}
