// Which addresses a text may lead to: web pages and mail. Everything else, also
// what only looks like them, stays text.

const schemes = new Set(['http:', 'https:', 'mailto:'])

/**
 * The address as a browser understands it, or undefined where its scheme is
 * another or none. URL itself drops the tabs, line ends and control characters that
 * browsers ignore in a scheme.
 */
export function address(written: string): string | undefined {
  let url: URL
  try {
    url = new URL(written)
  } catch {
    return undefined // relative: it would lead into the console
  }
  return schemes.has(url.protocol) ? url.href : undefined
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', reg: '®', hellip: '…', ndash: '–', mdash: '—', times: '×', rarr: '→', larr: '←', le: '≤', ge: '≥', ne: '≠', middot: '·', deg: '°', euro: '€', colon: ':', tab: '\t', newline: '\n' }

/** The character that an entity stands for, or undefined where it is none: `&amp;`, `&#65;`, `&#x41;`. */
export function entity(text: string): string | undefined {
  const body = text.slice(1, -1)
  if (body[0] !== '#') return named[body] ?? named[body.toLowerCase()]
  const code = /^#x/i.test(body) ? Number.parseInt(body.slice(2), 16) : Number.parseInt(body.slice(1), 10)
  if (!(code > 0 && code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd'
  return String.fromCodePoint(code)
}

/** A text without its backslashes before punctuation, and with its entities as characters. */
export function plain(text: string): string {
  return text.replace(/\\([!-/:-@[-`{-~])|&(?:#x[\da-f]{1,6}|#\d{1,7}|[a-z][a-z\d]{1,31});/gi, (whole, escaped?: string) => escaped ?? entity(whole) ?? whole)
}
