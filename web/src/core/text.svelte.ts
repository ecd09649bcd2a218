// The language of the console. `t` is the message catalogue of the chosen one:
// `t.keys.title`. English is the measure; a key that another language lacks
// fails the type check.
import type { Messages } from '../text/messages'

/** The languages, each by its own name. */
export const languages = { en: 'English', fr: 'Français', zh: '简体中文' } as const

/** A language's code. */
export type Language = keyof typeof languages

const catalogues: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import('../text/en'),
  fr: () => import('../text/fr'),
  zh: () => import('../text/zh'),
}

class Text {
  language = $state<Language>('en')
  messages = $state.raw({} as Messages)

  /** What Intl is given: the browser's region where it is of the language. */
  locale = $derived(navigator.languages.find((l) => l.split('-')[0] === this.language) ?? (this.language === 'zh' ? 'zh-CN' : this.language))
}

/** The language, the locale, and the messages. */
export const text = new Text()

/** The messages of the chosen language. */
export const t: Messages = new Proxy({} as Messages, {
  get: (_, area) => text.messages[area as keyof Messages],
})

function known(code: string | null | undefined): code is Language {
  return code != null && Object.hasOwn(languages, code)
}

/**
 * Loads a language and speaks it: the given one, the one chosen before, or the
 * browser's first that there is. A given one is kept, unless `keep` is false.
 */
export async function speak(wanted?: Language, keep = true): Promise<void> {
  const kept = localStorage.getItem('language')
  const language = wanted ?? (known(kept) ? kept : (navigator.languages.map((l) => l.split('-')[0]).find(known) ?? 'en'))
  text.messages = (await catalogues[language]()).default
  text.language = language
  if (wanted && keep) localStorage.setItem('language', wanted)
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : language
}
