// A chat's messages as a tree: a question that was put anew, and another answer,
// stand beside the one before.

/** As much of a message as its place needs. */
export interface Placed {
  id: string
  parent?: string | undefined
}

/** The messages from the beginning to one of them. */
export function branch<T extends Placed>(all: readonly T[], head: string): T[] {
  const byId = new Map(all.map((m) => [m.id, m]))
  const found: T[] = []
  for (let m = byId.get(head); m; m = byId.get(m.parent ?? '')) {
    found.unshift(m)
    byId.delete(m.id) // no way leads in circles
  }
  return found
}

/** A message with those that stand beside it, in the order in which they were made. */
export function beside<T extends Placed>(all: readonly T[], message: T): T[] {
  return all.filter((m) => (m.parent ?? '') === (message.parent ?? ''))
}

/** The latest message below one: where its branch ends. */
export function end<T extends Placed>(all: readonly T[], message: T): T {
  let last = message
  for (let next: T | undefined = message; next; next = all.findLast((m) => m.parent === last.id)) last = next
  return last
}
