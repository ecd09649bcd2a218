// A key that was just made, so that other pages can fill it in. It is kept
// in memory alone and is gone when the tab is loaded anew.

class Fresh {
  #secrets = $state<Record<string, string>>({})

  keep(org: string, secret: string): void { this.#secrets[org] = secret }
  of(org: string): string { return this.#secrets[org] ?? '' }
}

export const fresh = new Fresh()
