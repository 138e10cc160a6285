import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, type Page, chromium as playwright } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The file of a Chromium on PATH. Undefined where there is none; but with `CI` set that is an error, for then nothing may be left untested. */
export const CHROMIUM = onPath(PROGRAMS)
if (CHROMIUM === undefined) {
  const missing = `NO BROWSER TEST WAS RUN: none of ${PROGRAMS.join(', ')} is on PATH`
  if (process.env.CI) throw new Error(missing)
  console.warn(missing)
}

export interface OpenedPage {
  readonly page: Page
  /** What went wrong in it: errors of its scripts, what its content security policy blocked, and requests to other hosts than this machine. */
  readonly faults: readonly string[]
}

/**
 * Runs a Chromium around the tests of a file; without one they have to be skipped: `describe.runIf(CHROMIUM)`. `open` returns an
 * empty page in a profile of its own, which is gone when the test is over.
 */
export function chromium(): { open(options?: BrowserContextOptions): Promise<OpenedPage> } {
  let browser: Browser
  beforeAll(async () => {
    // In a container there is seldom a sandbox, and the pages are ours.
    if (CHROMIUM) browser = await playwright.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  })
  afterAll(() => browser?.close())
  return {
    async open(options) {
      const context = await browser.newContext(options)
      onTestFinished(() => context.close())
      const faults: string[] = []
      context.on('weberror', (event) => faults.push(event.error().message))
      context.on('console', (message) => {
        // What a server answered is for the test to judge.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource: the server'))
          faults.push(message.text())
      })
      context.on('request', (request) => {
        if (!isHere(new URL(request.url()))) faults.push(`request to ${request.url()}`)
      })
      return { page: await context.newPage(), faults }
    },
  }
}

/** What is wider than the window, and which rules of accessibility the page breaks. */
export async function layoutFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>('axe.run()')
  const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  return [
    ...violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`),
    ...(tooWide > 0 ? [`${tooWide} pixels too wide`] : []),
  ]
}

function isHere({ protocol, hostname }: URL): boolean {
  return ['data:', 'blob:', 'file:'].includes(protocol) || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}

function onPath(programs: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
