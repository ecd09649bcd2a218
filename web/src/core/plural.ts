// A count in a sentence, by the language's rules of plural.

/** The forms of a sentence; # stands for the number. */
export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }

/** Returns the chooser of a language: `count(n, { one: '# key', other: '# keys' })`. */
export function plural(locale: string): (n: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(locale)
  const number = new Intl.NumberFormat(locale)
  return (n, forms) => (forms[rules.select(n)] ?? forms.other).replace('#', number.format(n))
}
