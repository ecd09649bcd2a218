export const password = 'a long enough password'

/** Makes the first administrator with the link that the server printed, and ends in the console. */
export async function setUp(page, server) {
  await page.goto(server.setup)
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByLabel('Name').fill('Ada Byron')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.waitForURL(/\/console\//)
}

/** Signs a tab in; with a second factor, by a code as well. */
export async function signIn(page, server, step = '', code = '') {
  await page.goto(server.url + '/console/')
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  if (step === 'code') {
    await page.waitForURL(/\/signin\/code/)
    await page.getByRole('textbox').first().fill(code)
    await page.getByRole('button').first().click()
  }
  await page.waitForURL(/\/console\//)
}
