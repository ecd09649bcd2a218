import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { speak } from './core/text.svelte'

// A file of an older build is gone once the server has a newer one: take that,
// where the server can be reached. What cannot be loaded is said by the page.
window.addEventListener('vite:preloadError', () => {
  const last = Number(sessionStorage.getItem('reloaded') ?? 0)
  if (Date.now() - last < 10_000) return // it is missing for another reason
  fetch(location.href, { method: 'HEAD' }).then(
    () => {
      sessionStorage.setItem('reloaded', String(Date.now()))
      location.reload()
    },
    () => {}, // no connection
  )
})

const target = document.getElementById('app')
if (target) void speak().then(() => mount(App, { target }))
