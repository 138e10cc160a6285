import { isObject, pathFault, type Report } from './foreign-route.ts'
import type { Notices } from './notices.ts'

type Fields = Readonly<Record<string, unknown>>

/** Reads below which path an operation is: the first server's of itself, of its path, or of the document. */
export type BasePaths = (operation: Fields, item: Fields, place: string) => string

interface Server {
  /** Empty where the address is relative to the document's. */
  readonly host: string
  /** `/api/v3`, or nothing. */
  readonly path: string
}

export function createBasePaths(document: Fields, report: Report, notices: Notices): BasePaths {
  // Each list is read once, whatever the number of operations below it.
  const known = new Map<unknown, Server | undefined>()
  const read = (holder: Fields, where: string): Server | undefined => {
    if (!Object.hasOwn(holder, 'servers')) return undefined
    const { servers } = holder
    if (!known.has(servers)) known.set(servers, readServers(servers, where, report, notices))
    return known.get(servers)
  }
  const common = read(document, '')
  return (operation, item, place) => {
    const own = read(operation, place) ?? read(item, place)
    if (own && common && own.host !== common.host)
      notices.add('sent to the same upstream as the rest, though with a server of its own', place)
    return (own ?? common)?.path ?? ''
  }
}

/** The first of them. */
function readServers(servers: unknown, place: string, report: Report, notices: Notices): Server | undefined {
  const where = `${place} servers`.trim()
  if (!Array.isArray(servers)) {
    report(where, 'must be a list of servers, such as [{"url": "/v1"}]')
    return undefined
  }
  const [first, ...others] = servers.map((server) => (isObject(server) ? readServer(server) : undefined))
  if (servers.length > 0 && first === undefined)
    report(
      `${where}[0]`,
      'has no usable `url`, such as https://example.com/v1: variables in its path need a default, and its segments may not be empty',
    )
  if (first && others.some((other) => other && other.path !== first.path))
    notices.add('several servers with different paths, of which only the first is used', place || 'the document')
  return first
}

/** Only the path has to be right: where the upstream is, its replicas say. */
function readServer({ url, variables }: Fields): Server | undefined {
  if (typeof url !== 'string') return undefined
  const filled = url.replace(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = isObject(variables) && Object.hasOwn(variables, name) ? variables[name] : undefined
    return isObject(variable) && variable.default !== undefined ? String(variable.default) : whole
  })
  const [, host = '', path = ''] = /^((?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*)?([^?#]*)/i.exec(filled)!
  if (/[{}]/.test(path)) return undefined
  // Relative to the root, without dot segments.
  const { pathname } = new URL(`./${path.replace(/^\/+/, '')}`, 'http://localhost/')
  const base = pathname.replace(/\/+$/, '')
  return base === '' || pathFault(base) === undefined ? { host, path: base } : undefined
}
