import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Page } from './page.ts'

/** A file that pages load from the gateway itself. Its name changes with what is in it, so that browsers keep it. */
export interface Asset {
  /** Below the root of the gateway: `_lintel/page.4f1d0c2a9b.css`. */
  readonly path: string
  readonly page: Page
}

export const STYLE = asset('page', 'css')
export const REFERENCE_SCRIPT = asset('reference', 'js')
export const OVERVIEW_SCRIPT = asset('overview', 'js')

const TYPES = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' }

function asset(name: string, extension: keyof typeof TYPES): () => Asset {
  let read: Asset | undefined
  return () => {
    if (read !== undefined) return read
    const body = readFileSync(new URL(`browser/${name}.${extension}`, import.meta.url), 'utf8')
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 10)
    const headers = { 'cache-control': 'public, max-age=31536000, immutable' }
    read = {
      path: `_lintel/${name}.${hash}.${extension}`,
      page: { contentType: TYPES[extension], body, headers },
    }
    return read
  }
}
