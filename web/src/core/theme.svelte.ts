// Light, dark, or as the system says. public/theme.js sets it before the first paint.

/** What can be chosen. */
export type Theme = 'system' | 'light' | 'dark'

class Appearance {
  theme = $state<Theme>((document.documentElement.dataset.theme as Theme | undefined) ?? 'system')

  choose(theme: Theme): void {
    this.theme = theme
    if (theme === 'system') {
      delete document.documentElement.dataset.theme
      localStorage.removeItem('theme')
    } else {
      document.documentElement.dataset.theme = theme
      localStorage.setItem('theme', theme)
    }
  }
}

export const appearance = new Appearance()
