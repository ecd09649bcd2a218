/** What colour a health has. */
export function colour(health: string | undefined): 'good' | 'warn' | 'bad' | 'plain' {
  switch (health) {
    case 'serving':
    case 'up':
      return 'good'
    case 'recovering':
    case 'trial':
    case 'degraded':
    case 'draining':
      return 'warn'
    case 'ejected':
    case 'down':
      return 'bad'
    default:
      return 'plain'
  }
}
