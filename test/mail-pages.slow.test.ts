import { describe, expect, test, vi } from 'vitest'
import { CHROMIUM, chromium, layoutFaults } from './chromium.ts'
import { PASSWORD, reference } from './reference.ts'

// FC-22: whoever opens the link of a mail sees a page; only its button changes anything.

const api = reference()
const browser = chromium()

describe.runIf(CHROMIUM)('FC-22 R-AUTH-6: in a browser, the link of a mail', () => {
  test('confirms an address when the button is pressed, once, and not when it is opened', async () => {
    const user = await register('ann@example.com')
    const { page, faults } = await browser.open()
    await page.goto(await linkTo('ann@example.com', 'Confirm your email address'))
    expect(await page.getByRole('heading').innerText()).toBe('Confirm your email address')
    await page.reload()
    expect(await isVerified(user)).toBe(false)
    await page.getByRole('button', { name: 'Confirm' }).click()
    expect(await page.getByRole('heading').innerText()).toBe('Your email address is confirmed')
    expect(await isVerified(user)).toBe(true)
    await page.goBack()
    await page.getByRole('button', { name: 'Confirm' }).click()
    expect(await page.getByRole('heading').innerText()).toBe('This link is no longer good')
    expect(faults).toEqual([])
  })

  test('sets a password, and says on the page what is wrong with one', async () => {
    await register('ben@example.com')
    await api.ask('POST', '/auth/password-resets', { body: { email: 'ben@example.com' } })
    const { page, faults } = await browser.open({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
    await page.goto(await linkTo('ben@example.com', 'Reset your password'))
    const password = page.getByLabel('New password')
    await password.fill('password1')
    await page.getByRole('button', { name: 'Set password' }).click()
    expect(await layoutFaults(page)).toEqual([])
    expect(await page.getByRole('alert').innerText()).toMatch(/^The password .*common/)
    expect(await api.logIn('ben@example.com')).toBeDefined()
    await password.fill('a longer one of my own')
    await page.getByRole('button', { name: 'Set password' }).click()
    expect(await page.getByRole('heading').innerText()).toBe('Your password is set')
    expect(await api.logIn('ben@example.com')).toBeUndefined()
    expect(await api.logIn('ben@example.com', 'a longer one of my own')).toBeDefined()
    expect(faults).toEqual([])
  })
})

async function register(email: string): Promise<string> {
  const { body } = await api.ask('POST', '/users', { body: { email, name: 'Ann', password: PASSWORD } })
  return body.id
}

async function isVerified(id: string): Promise<boolean> {
  const { body } = await api.ask('GET', `/users/${id}`, { token: api.admin.token })
  return body.emailVerified
}

/** Mails are sent after the answer of the request that asks for them. */
function linkTo(email: string, subject: string): Promise<string> {
  return vi.waitFor(
    async () => {
      const { body } = await api.ask('GET', '/dev/mails')
      return body.find((mail: any) => mail.to === email && mail.subject === subject).links[0]
    },
    { timeout: 10_000 },
  )
}
