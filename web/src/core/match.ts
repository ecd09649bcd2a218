// Addresses against patterns.

/** The values of an address's parameters. */
export type Params = Record<string, string>

/** Matches a path against a pattern; undefined when it does not fit. */
export function match(pattern: string, path: string): Params | undefined {
  const want = pattern.split('/').filter(Boolean)
  const have = path.split('/').filter(Boolean)
  if (want.length !== have.length) return undefined
  const params: Params = {}
  for (const [i, part] of want.entries()) {
    const value = decoded(have[i] ?? '')
    if (part.startsWith(':')) params[part.slice(1)] = value
    else if (part !== value) return undefined
  }
  return params
}

// decoded is a part of an address as people write it, or as it is where it says nothing.
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
