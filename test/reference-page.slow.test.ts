import { EventEmitter, on } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { route, service } from '../src/contract/index.ts'
import type { Handlers } from '../src/service/handler.ts'
import { CHROMIUM, chromium, layoutFaults } from './chromium.ts'
import { PASSWORD, reference } from './reference.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'

// What a person does with /docs, in a Chromium that reaches nothing but the system.

const api = reference()
const browser = chromium()
const SIZES = { laptop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

describe.runIf(CHROMIUM)('R-P-2: in a browser, /docs', () => {
  test('signs in, sends a request with that token, and shows the answer', async () => {
    const { page, faults } = await browser.open()
    await page.goto(`${api.url}/docs`)
    const create = await operation(page, 'Create a product')
    await create.getByLabel('Content').fill(JSON.stringify({ sku: 'docs-1', name: 'Chai', category: 'Tea', price: 18 }))
    await create.getByRole('button', { name: 'Send request' }).click()
    await create.getByText('401').first().waitFor()
    await create.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('#sign-in-email').fill(api.admin.email)
    await page.locator('#sign-in-password').fill('not the password')
    await page.locator('#sign-in-password').press('Enter')
    await page.getByText('Wrong email or password', { exact: true }).waitFor()
    await page.locator('#sign-in-password').fill(PASSWORD)
    await page.locator('#sign-in-password').press('Enter')
    await page.getByText(`Signed in ${api.admin.email}`).waitFor()
    await page.keyboard.press('Escape')
    await create.getByRole('button', { name: 'Send request' }).click()
    const body = create.getByRole('group', { name: 'Body of the answer' })
    await body.getByText('"docs-1"').waitFor()
    const made = JSON.parse(await body.innerText())
    expect((await api.ask('GET', `/products/${made.id}`)).body).toEqual(made)
    expect(faults).toEqual([])
  })

  test('sends parameters where they belong: path, query, lists, headers', async () => {
    const { page } = await browser.open()
    const product = await api.product({ category: 'Docs/1' })
    await page.goto(`${api.url}/v2/docs`)
    const list = await operation(page, 'List the products')
    await list.getByLabel('category').fill('Docs/1, Docs & more')
    await list.getByLabel('sort').fill('-price,name')
    const sent = page.waitForRequest(/\/products/)
    await list.getByRole('button', { name: 'Send request' }).click()
    const { pathname, searchParams } = new URL((await sent).url())
    expect(pathname).toBe('/v2/products')
    expect([searchParams.getAll('category'), searchParams.get('sort')]).toEqual([
      ['Docs/1', 'Docs & more'],
      '-price,name',
    ])
    await list.getByText(product.id).first().waitFor()

    const read = await operation(page, 'Read a product')
    await read.getByRole('button', { name: 'Send request' }).click()
    // Nothing is sent without what is required.
    expect(await read.getByText('200 OK').count()).toBe(0)
    expect(await page.locator(`#ids-prd option[value="${product.id}"]`).count()).toBe(1)
    await read.getByLabel('id', { exact: false }).first().fill(product.id)
    await read.getByText('Headers').first().click()
    await read.getByLabel('If-None-Match').fill('"1"')
    await read.getByRole('button', { name: 'Send request' }).click()
    await read.getByText('304').nth(1).waitFor()
  })

  test('shows a request as a curl command', async () => {
    const { page } = await browser.open()
    await page.goto(`${api.url}/docs`)
    const login = await operation(page, 'Login')
    await login.getByLabel('Content').fill(`{"email":"ann@example.com","password":"it's me"}`)
    await login.getByRole('button', { name: 'Copy as curl' }).click()
    expect(await login.getByRole('group', { name: 'The request as a curl command' }).innerText()).toBe(
      `curl -i -X POST '${api.url}/auth/login' -H 'content-type: application/json' -d '{"email":"ann@example.com","password":"it'\\''s me"}'`,
    )
  })

  test('finds operations by their words, opens the one of a link, and shows all versions', async () => {
    const { page, faults } = await browser.open()
    await page.goto(`${api.url}/docs`)
    await page.getByLabel('Find an operation').fill('get cart')
    const shown = await page.locator('details.operation:visible > summary').allInnerTexts()
    expect(shown.length).toBeGreaterThan(1)
    for (const text of shown) expect(text.toLowerCase()).toMatch(/get.*cart/s)
    await page.getByLabel('Find an operation').fill('teapot')
    await page.getByText('No operation has that').waitFor()
    await page.getByRole('link', { name: 'Version 2' }).click()
    expect(new URL(page.url()).pathname).toBe('/v2/docs')
    expect(await page.locator('[aria-current]').innerText()).toBe('Version 2')
    await page.goto(`${api.url}/v2/docs#schema-Order`)
    await page.locator('#schema-Order[open]').waitFor()
    expect(faults).toEqual([])
  })

  test.each([
    ['laptop', 'light'],
    ['laptop', 'dark'],
    ['phone', 'light'],
    ['phone', 'dark'],
  ] as const)('fits a %s, %s, and breaks no rule of accessibility', async (size, colorScheme) => {
    const { page, faults } = await browser.open({ viewport: SIZES[size], colorScheme })
    await page.goto(`${api.url}/docs`)
    for (const name of ['List the products', 'Create a product']) {
      const one = await operation(page, name)
      await one.getByRole('button', { name: 'Send request' }).click()
      await one.getByText(/ in \d+ ms/).waitFor()
      await one.locator('.folded').evaluateAll('(folded) => { for (const one of folded) one.open = true }')
    }
    await page.locator('#sign-in > summary').click()
    expect(await layoutFaults(page)).toEqual([])
    expect(faults).toEqual([])
  })
})

describe.runIf(CHROMIUM)('R-P-2: in a browser, /docs of routes', () => {
  const heard = new EventEmitter()
  const files = service('files', {
    routes: {
      upload: route({
        methods: ['PUT'],
        path: '/uploads/{name}',
        access: 'public',
        body: { types: ['image/*'] },
        answers: { 200: 'text/plain' },
      }),
      download: route({ methods: ['GET'], path: '/downloads', access: 'public', answers: { 200: 'image/png' } }),
      news: route({ methods: ['GET'], path: '/news', access: 'public', answers: { 200: 'text/event-stream' } }),
    },
  })
  let system: SmallSystem
  beforeAll(async () => {
    const handlers: Handlers<typeof files> = {
      upload: async ({ headers, bytes }) => ({
        status: 200,
        body: `${bytes.length} bytes of ${headers['content-type']}`,
      }),
      download: async () => ({ status: 200, body: Buffer.from('not quite a picture') }),
      news: async (_, { signal }) => ({ status: 200, body: newsOf(signal) }),
    }
    system = await smallSystem(files, handlers, 'select 1')
  })
  afterAll(() => system?.stop())
  async function* newsOf(signal: AbortSignal) {
    yield 'data: first\n\n'
    for await (const [news] of on(heard, 'news', { signal })) yield `data: ${news}\n\n`
  }

  test('sends a file, and saves what is no text', async () => {
    const { page, faults } = await browser.open()
    await page.goto(`${system.url}/docs#putUpload`)
    const upload = page.locator('#putUpload')
    await upload.getByLabel('name').fill('a b.png')
    await upload.getByLabel('File').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.alloc(20) })
    await upload.getByRole('button', { name: 'Send request' }).click()
    await upload.getByText('20 bytes of image/png').waitFor()

    await page.locator('#getDownload > summary').click()
    await page.locator('#getDownload').getByRole('button', { name: 'Send request' }).click()
    const saving = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Save 19 bytes of image/png' }).click()
    expect(await readFile(await (await saving).path(), 'utf8')).toBe('not quite a picture')
    expect(faults).toEqual([])
  })

  test('shows events as they come', async () => {
    const { page, faults } = await browser.open()
    await page.goto(`${system.url}/docs#getNews`)
    await page.locator('#getNews').getByRole('button', { name: 'Send request' }).click()
    await page.getByText('data: first').waitFor()
    heard.emit('news', 'second')
    await page.getByText('data: second').waitFor()
    expect(faults).toEqual([])
  })
})

/** Opens it. */
async function operation(page: Page, name: string) {
  const one = page.locator('details.operation').filter({ has: page.getByText(name, { exact: true }) })
  await one.locator('> summary').click()
  return one
}
