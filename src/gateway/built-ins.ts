import type { IncomingMessage } from 'node:http'
import type { SystemHealth } from './health.ts'
import { isFromThisMachine } from './this-machine.ts'

/** A page of the gateway's own: an OpenAPI document, the reader for it. */
export interface Document {
  readonly contentType: string
  readonly body: string
  /** In lower case; such as a content security policy. */
  readonly headers?: Readonly<Record<string, string>>
}

/** By path, without `/api`: `/openapi.json`, `/v1/openapi.json`, `/docs`. */
export type Documents = (path: string) => Document | undefined

export interface BuiltInPage extends Document {
  readonly status: number
}

export interface BuiltInsOptions {
  readonly documents: Documents | undefined
  readonly overview?: (() => Document) | undefined
  readonly mails?: (() => Promise<readonly object[]>) | undefined
  readonly events?: (() => Promise<readonly object[]>) | undefined
  readonly metrics?: (() => Promise<Document>) | undefined
  readonly health: () => Promise<SystemHealth>
  readonly draining: () => boolean
  /** Whether no request can be served while health is `unhealthy`. */
  readonly needsHealth: boolean
}

/** What every gateway serves beside the contracts, outside of versions, to anyone: health and documents; in development mails, events, metrics and an overview too. */
export function createBuiltIns({
  documents,
  overview,
  mails,
  events,
  metrics,
  health,
  draining,
  needsHealth,
}: BuiltInsOptions) {
  /** One for each document, as long as that is the same. */
  const pages = new WeakMap<Document, BuiltInPage>()
  const pageOf = (document: Document): BuiltInPage => {
    const known = pages.get(document)
    if (known) return known
    const made = { ...document, status: 200, headers: { 'cache-control': 'no-cache', ...document.headers } }
    pages.set(document, made)
    return made
  }
  const ready = async () =>
    needsHealth && (await health()).status === 'unhealthy'
      ? page(503, { status: 'unhealthy' })
      : page(200, { status: 'ready' })
  return (path: string, req: IncomingMessage): BuiltInPage | Promise<BuiltInPage> | undefined => {
    const place = path.startsWith('/api/') ? path.slice(4) : path
    // Caught mails hold the links that open accounts, events what changed; the overview shows both.
    if (isOfDevelopment(place) && !isFromThisMachine(req)) return undefined
    switch (place) {
      case '/':
      case '/dev':
        return overview && pageOf(overview())
      case '/health':
        return health().then((seen) => page(seen.status === 'unhealthy' ? 503 : 200, seen))
      case '/health/live':
        return page(200, { status: 'live' })
      case '/health/ready':
        return draining() ? page(503, { status: 'draining' }) : ready()
      case '/dev/mails':
        return mails?.().then((caught) => page(200, caught))
      case '/dev/events':
        return events?.().then((last) => page(200, last))
      case '/metrics':
        return metrics?.().then((seen) => ({ ...seen, status: 200, headers: { 'cache-control': 'no-store' } }))
    }
    const document = documents?.(place)
    return document && pageOf(document)
  }
}

function isOfDevelopment(place: string): boolean {
  return place === '/' || place === '/dev' || place.startsWith('/dev/')
}

function page(status: number, value: object): BuiltInPage {
  const headers = { 'cache-control': 'no-store', ...(status === 503 ? { 'retry-after': '1' } : {}) }
  return { status, contentType: 'application/json; charset=utf-8', body: JSON.stringify(value), headers }
}
