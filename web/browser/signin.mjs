/** Signs a tab in with an API key. */
export async function signIn(page, server, key) {
  await page.goto(server.url + '/console/')
  await page.getByLabel('API key').fill(key)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation').waitFor()
}
