import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { buildSite } from '../site/build.ts'
import { CHROMIUM, chromium } from './chromium.ts'

// The site as somebody opens it who has nothing but its files.

const out = mkdtempSync(join(tmpdir(), 'lintel-docs-'))
const pages = buildSite(out)
afterAll(() => rmSync(out, { recursive: true }))

const browser = chromium()
const PHONE = { viewport: { width: 390, height: 844 } }
const fileOf = (path: string) => pathToFileURL(join(out, path)).href
const isWide = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')

describe.runIf(CHROMIUM)('opened from a file, the documentation', () => {
  test('is searched by keyboard, and a result leads to its section', async () => {
    const { page, faults } = await browser.open()
    await page.goto(fileOf('guide/start.html'))
    await page.keyboard.press('/')
    await page.keyboard.type('dead letters')
    await page.getByRole('link', { name: /3\. When a handler keeps failing/ }).waitFor()
    expect(await page.locator('#results mark').count()).toBeGreaterThan(0)
    await page.getByLabel('Search the documentation').fill('soft delete')
    await page.keyboard.press('Enter')
    await page.waitForURL(/guide\/soft-delete\.html$/)
    expect(await page.title()).toBe('Soft delete · Lintel')
    expect(faults).toEqual([])
  })

  test.each(['If-Match', '(', 'a-b [c', '\\', '/docs', 'zzzz', '$RATE', '*'])('is searched for %j', async (words) => {
    const { page, faults } = await browser.open()
    await page.goto(fileOf('index.html'))
    await page.getByLabel('Search the documentation').pressSequentially(words)
    await page.locator('#results > *').first().waitFor()
    expect(faults).toEqual([])
  })

  test('leads from page to page, and says where one is', async () => {
    const { page, faults } = await browser.open()
    await page.goto(fileOf('index.html'))
    await page.getByRole('navigation').getByRole('link', { name: 'Lifecycle' }).click()
    await page.getByRole('heading', { level: 1, name: 'Lifecycle' }).waitFor()
    expect(await page.locator('nav [aria-current=page]').innerText()).toBe('Lifecycle')
    await page.getByRole('link', { name: 'decision 39' }).click()
    await page.waitForURL(/decisions\/0039-/)
    await page.goBack()
    await page.getByRole('link', { name: /→$/ }).click()
    await page.getByRole('heading', { level: 1, name: 'Errors' }).waitFor()
    expect(faults).toEqual([])
  })

  test('fits a phone: no page scrolls sideways, and the list of pages is behind a button', async () => {
    const { page, faults } = await browser.open(PHONE)
    const wide: string[] = []
    for (const path of pages) {
      await page.goto(fileOf(path))
      if (await isWide(page)) wide.push(path)
    }
    expect(wide).toEqual([])
    const link = page.getByRole('navigation').getByRole('link', { name: 'Quick start' })
    expect(await link.isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Pages' }).click()
    await link.click()
    await page.getByRole('heading', { level: 1, name: 'Quick start' }).waitFor()
    expect(faults).toEqual([])
  })

  test('is read without scripts, and by those who prefer the dark', async () => {
    const { page } = await browser.open({ ...PHONE, javaScriptEnabled: false, colorScheme: 'dark' })
    await page.goto(fileOf('guide/events.html'))
    expect(await page.getByRole('navigation').getByRole('link', { name: 'Quick start' }).isVisible()).toBe(true)
    const brightness = async (property: string) => {
      const colour = await page.evaluate<string>(`getComputedStyle(document.body).${property}`)
      return Math.max(...colour.match(/\d+/g)!.map(Number))
    }
    expect(await brightness('backgroundColor')).toBeLessThan(60)
    expect(await brightness('color')).toBeGreaterThan(200)
  })
})
