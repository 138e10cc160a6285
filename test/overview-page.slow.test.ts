import { describe, expect, test } from 'vitest'
import { CHROMIUM, chromium, layoutFaults } from './chromium.ts'
import { PASSWORD, reference } from './reference.ts'

// R-OPS-4: what a developer sees at `/`, in a Chromium that reaches nothing but the system.

const api = reference()
const browser = chromium()

describe.runIf(CHROMIUM)('R-OPS-4 R-AUTH-6: in a browser, / in development', () => {
  test('shows the health as it is, and mails as they are caught, whose links can be followed', async () => {
    const { page, faults } = await browser.open()
    await page.goto(`${api.url}/`)
    await page.getByRole('row', { name: 'database up' }).waitFor()
    expect(await page.getByRole('status').innerText()).toBe('healthy')
    await api.ask('POST', '/users', { body: { email: 'seen@example.com', name: 'Ann', password: PASSWORD } })
    const mail = page.getByRole('listitem').filter({ hasText: 'Confirm your email address to seen@example.com' })
    await mail.getByText('Text').click()
    await mail.getByText('To confirm that it is yours').waitFor()
    await mail.getByRole('link').click()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('heading', { name: 'Your email address is confirmed' }).waitFor()
    expect(faults).toEqual([])
  })

  test('shows events as they are published, with who caused them', async () => {
    const { page, faults } = await browser.open()
    await page.goto(`${api.url}/`)
    await page.getByRole('row', { name: 'product.deleted orders nobody' }).waitFor()
    const { id } = await api.product({ name: 'Chang' })
    const event = page.getByRole('listitem').filter({ hasText: `product.created of ${id} by user:${api.admin.id}` })
    await event.getByText('Data').click()
    await event.getByText('"Chang"').waitFor()
    expect(faults).toEqual([])
  })

  test('leads to the operation in the reference', async () => {
    const { page, faults } = await browser.open()
    await page.goto(`${api.url}/`)
    await page.getByRole('row', { name: 'POST /products admin' }).getByRole('link').click()
    await page.locator('details[open]').getByText('Create a product').waitFor()
    expect(faults).toEqual([])
  })

  test.each([
    ['laptop', { width: 1280, height: 800 }],
    ['phone', { width: 390, height: 844 }],
  ])('fits a %s, light and dark, and breaks no rule of accessibility', async (_, viewport) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, faults } = await browser.open({ viewport, colorScheme })
      await page.goto(`${api.url}/`)
      await page.getByRole('row', { name: 'database up' }).waitFor()
      expect(await layoutFaults(page)).toEqual([])
      expect(faults).toEqual([])
    }
  })
})
