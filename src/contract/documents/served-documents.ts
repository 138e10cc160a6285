import type { Contract } from '../contract.ts'
import { asyncapi } from './asyncapi.ts'
import { newestVersion, type OpenApiOptions, openapi } from './openapi.ts'

export interface ServedDocument {
  readonly contentType: string
  readonly body: string
}

export interface DocumentsOptions extends Pick<OpenApiOptions, 'title' | 'about' | 'systemVersion'> {
  /** What stands before `/v1` in the servers of a document, such as `https://api.example.com`; nothing by default. */
  readonly baseUrl?: string
}

/**
 * The documents of a system by path: `/openapi.json` for the version that is served without one, `/v1/openapi.json` and so on, and
 * `/asyncapi.json`. Each is made when it is first asked for, and kept as text. `undefined` for any other path.
 */
export function documentsOf(
  contracts: readonly Contract[],
  options: DocumentsOptions = {},
): (path: string) => ServedDocument | undefined {
  const { baseUrl = '', ...rest } = options
  const makers = new Map<string, () => object>()
  makers.set('/openapi.json', () => openapi(contracts, { ...rest, version: 1, servers: [{ url: baseUrl || '/' }] }))
  for (let version = 1; version <= newestVersion(contracts); version++) {
    const servers = [{ url: `${baseUrl}/v${version}` }]
    makers.set(`/v${version}/openapi.json`, () => openapi(contracts, { ...rest, version, servers }))
  }
  makers.set('/asyncapi.json', () => asyncapi(contracts, rest))
  const made = new Map<string, ServedDocument>()
  return (path) => {
    const make = makers.get(path)
    if (!make) return undefined
    const document = made.get(path) ?? { contentType: 'application/json', body: JSON.stringify(make()) }
    made.set(path, document)
    return document
  }
}
