/** A browser's own word in few words: Chrome on Linux. What is not known stays as it is. */
export function agent(says: string): string {
  const browser = [['Edg', 'Edge'], ['OPR', 'Opera'], ['Firefox', 'Firefox'], ['Chrome', 'Chrome'], ['Safari', 'Safari']].find(([mark]) => says.includes(mark + '/'))?.[1]
  const system = [['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Android', 'Android'], ['Windows', 'Windows'], ['Mac OS X', 'macOS'], ['Linux', 'Linux']].find(([mark]) => says.includes(mark ?? ''))?.[1]
  return browser ? [browser, system].filter(Boolean).join(' · ') : says
}
