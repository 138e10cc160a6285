import type { Contract } from '../contract/contract.ts'
import type { About } from '../contract/documents/about.ts'
import { newestVersion, openapi } from '../contract/documents/openapi.ts'
import { OVERVIEW_SCRIPT, REFERENCE_SCRIPT, STYLE } from './assets.ts'
import type { Page } from './page.ts'
import { referencePage } from './reference/reference-page.ts'

export interface PagesOptions {
  readonly title: string
  readonly about?: About
  readonly systemVersion: string
}

/** The reference of a system by path, `/docs` and `/v1/docs` and so on, and what pages load. `undefined` for any other path. */
export function referencePages(
  contracts: readonly Contract[],
  options: PagesOptions,
): (path: string) => Page | undefined {
  const newest = newestVersion(contracts)
  const makers = new Map<string, () => Page>()
  const add = (path: string, version: number | undefined) =>
    makers.set(path, () =>
      referencePage(openapi(contracts, { ...options, version: version ?? 1 }), { version, newest }),
    )
  add('/docs', undefined)
  for (let version = 1; version <= newest; version++) add(`/v${version}/docs`, version)
  for (const asset of [STYLE, REFERENCE_SCRIPT, OVERVIEW_SCRIPT]) makers.set(`/${asset().path}`, () => asset().page)
  const made = new Map<string, Page>()
  return (path) => {
    const page = made.get(path) ?? makers.get(path)?.()
    if (page !== undefined) made.set(path, page)
    return page
  }
}
