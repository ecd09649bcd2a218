// Colours for code, a line at a time, so that lines that are done stay as they
// are. It knows comments, strings, numbers and the words of a language; it is no
// grammar, and what it does not know stays plain.

/** A piece of a line: what it is, empty for plain text. */
export type Piece = ['' | 'comment' | 'string' | 'number' | 'word', string]

interface Language {
  words: RegExp
  line: string // what begins a comment up to the end of the line
  open: string // what begins one over several lines, and what ends it
  close: string
  quotes: string
  long: string[] // quotes that go over several lines
}

const c = 'break case const continue default do else enum extern false for goto if inline int long new null return short signed sizeof static struct switch this throw true try typedef union unsigned using virtual void volatile while bool char class double float private protected public namespace template auto nullptr operator override final catch import package interface extends implements instanceof super synchronized throws abstract boolean byte let mut fn impl pub ref self Self trait type use where match mod move dyn crate as async await in loop func var val fun object when is foreach internal readonly sealed string object out params get set yield record defer chan go map range select fallthrough nil'
const languages: Record<string, Language> = {
  c: { words: words(c), line: '//', open: '/*', close: '*/', quotes: '"\'', long: [] },
  js: { words: words('async await break case catch class const continue debugger default delete do else enum export extends false finally for from function get if implements import in instanceof interface let new null of private protected public readonly return satisfies set static super switch this throw true try type typeof undefined var void while yield as declare namespace keyof'), line: '//', open: '/*', close: '*/', quotes: '"\'', long: ['`'] },
  go: { words: words('break case chan const continue default defer else fallthrough false for func go goto if import interface iota map nil package range return select struct switch true type var any bool byte error float32 float64 int int32 int64 rune string uint uint32 uint64'), line: '//', open: '/*', close: '*/', quotes: '"\'', long: ['`'] },
  py: { words: words('False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return self try while with yield case'), line: '#', open: '', close: '', quotes: '"\'', long: ['"""', "'''"] },
  sh: { words: words('if then else elif fi for while until do done case esac in function return export local readonly set unset exit echo cd source sudo curl'), line: '#', open: '', close: '', quotes: '"\'', long: [] },
  sql: { words: words('select from where and or not null insert into values update set delete create table primary key references foreign index view drop alter add column join left right inner outer full on as group by order having limit offset union all distinct case when then else end is in like between exists true false default unique constraint begin commit rollback with returning count sum avg min max', 'i'), line: '--', open: '/*', close: '*/', quotes: '"\'', long: [] },
  yaml: { words: words('true false null yes no on off'), line: '#', open: '', close: '', quotes: '"\'', long: [] },
  json: { words: words('true false null'), line: '', open: '', close: '', quotes: '"', long: [] },
  css: { words: words('important media supports import from to and not only layer container'), line: '', open: '/*', close: '*/', quotes: '"\'', long: [] },
  html: { words: words(''), line: '', open: '<!--', close: '-->', quotes: '"\'', long: [] },
  ruby: { words: words('alias and begin break case class def defined do else elsif end ensure false for if in module next nil not or redo rescue retry return self super then true undef unless until when while yield require attr_accessor puts'), line: '#', open: '', close: '', quotes: '"\'', long: [] },
}
const aliases: Record<string, string> = {
  javascript: 'js', typescript: 'js', ts: 'js', jsx: 'js', tsx: 'js', mjs: 'js', svelte: 'js', vue: 'js', golang: 'go', python: 'py', python3: 'py', bash: 'sh', shell: 'sh', zsh: 'sh', console: 'sh', dockerfile: 'sh', makefile: 'sh', yml: 'yaml', toml: 'yaml', ini: 'yaml', jsonc: 'json', json5: 'json', xml: 'html', svg: 'html', rb: 'ruby', scss: 'css', less: 'css',
  cpp: 'c', 'c++': 'c', h: 'c', java: 'c', cs: 'c', csharp: 'c', rust: 'c', rs: 'c', kotlin: 'c', kt: 'c', swift: 'c', scala: 'c', dart: 'c', php: 'c', zig: 'c', proto: 'c', mysql: 'sql', postgresql: 'sql', postgres: 'sql', sqlite: 'sql',
}

function words(list: string, flags = ''): RegExp {
  return new RegExp(`^(?:${list.split(' ').join('|')})$`, flags)
}

/** Colours the lines of one block, from the first on. */
export class Highlighter {
  #language: Language | undefined
  #until = '' // what ends a comment or string that a line before began
  #kind: 'comment' | 'string' = 'comment'

  constructor(name: string) {
    const key = name.toLowerCase()
    this.#language = languages[aliases[key] ?? key]
  }

  /** The pieces of a line that is whole. */
  line(text: string): Piece[] {
    return this.#language ? this.#pieces(this.#language, text) : [['', text]]
  }

  /** The pieces of a line that is still coming: they change nothing for the next. */
  peek(text: string): Piece[] {
    const until = this.#until
    const kind = this.#kind
    const pieces = this.line(text)
    this.#until = until
    this.#kind = kind
    return pieces
  }

  #pieces(l: Language, text: string): Piece[] {
    const pieces: Piece[] = []
    const put = (kind: Piece[0], what: string) => {
      const last = pieces.at(-1)
      if (last && last[0] === kind) last[1] += what
      else if (what) pieces.push([kind, what])
    }
    let at = 0
    while (at < text.length) {
      if (this.#until) {
        const end = text.indexOf(this.#until, at)
        const to = end < 0 ? text.length : end + this.#until.length
        put(this.#kind, text.slice(at, to))
        if (end >= 0) this.#until = ''
        at = to
        continue
      }
      const rest = text.slice(at, at + 3)
      const long = l.long.find((q) => rest.startsWith(q))
      if (l.line && rest.startsWith(l.line) && (l.line !== '#' || at === 0 || /\s/.test(text[at - 1] ?? ''))) {
        put('comment', text.slice(at))
        break
      } else if (l.open && text.startsWith(l.open, at)) {
        this.#begin('comment', l.close)
        put('comment', l.open)
        at += l.open.length
      } else if (long) {
        this.#begin('string', long)
        put('string', long)
        at += long.length
      } else if (l.quotes.includes(text[at] as string)) {
        const string = /(["'])(?:[^\\]|\\.)*?(?:\1|$)/y
        string.lastIndex = at
        const found = string.exec(text)?.[0] ?? (text[at] as string)
        put('string', found)
        at += found.length
      } else {
        const token = /[A-Za-z_$][\w$]*|\d[\w.]*|[^A-Za-z_$\d"'`/#<-]+|[^]/y
        token.lastIndex = at
        const found = token.exec(text)?.[0] as string
        put(l.words.test(found) ? 'word' : /^\d/.test(found) ? 'number' : '', found)
        at += found.length
      }
    }
    return pieces
  }

  #begin(kind: 'comment' | 'string', until: string): void {
    this.#kind = kind
    this.#until = until
  }
}
