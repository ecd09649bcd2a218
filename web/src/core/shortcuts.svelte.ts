// Keys that do something anywhere. A shortcut is one key, or two after each
// other: "g k". None works while somebody types, but with Ctrl or Cmd.

/** A shortcut. `mod+k` is Ctrl-K, or Cmd-K on a Mac. */
export interface Shortcut {
  keys: string
  text: string
  run: () => void
}

/** Whether an element takes what is typed. */
function typing(at: EventTarget | null): boolean {
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName))
}

/** Listens for shortcuts until the returned function is called. */
export function listen(shortcuts: () => Shortcut[]): () => void {
  let first = ''
  let timer = 0

  function pressed(event: KeyboardEvent): void {
    const mod = event.ctrlKey || event.metaKey
    if (event.altKey || event.isComposing || (!mod && typing(event.target))) return
    if (!mod && document.querySelector('dialog[open]')) return
    const key = (mod ? 'mod+' : '') + (event.key.length === 1 ? event.key.toLowerCase() : event.key)
    const both = first ? `${first} ${key}` : key
    const found = shortcuts().find((s) => s.keys === both) ?? shortcuts().find((s) => s.keys === key)
    clearTimeout(timer)
    first = ''
    if (found) {
      event.preventDefault()
      found.run()
    } else if (shortcuts().some((s) => s.keys.startsWith(key + ' '))) {
      first = key
      timer = window.setTimeout(() => (first = ''), 1000)
    }
  }

  addEventListener('keydown', pressed)
  return () => removeEventListener('keydown', pressed)
}
