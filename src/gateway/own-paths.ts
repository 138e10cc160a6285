import { matchMixed, readSegment } from './template.ts'

/** A path that is the gateway's own: it answers there itself, or keeps it for later. */
export interface OwnPath {
  readonly path: string
  /** And all that is below it. */
  readonly below: boolean
}

/** What goes before any route, of a contract's and of a route file's. `documents`: whether it has documents to show. */
export function ownPaths({ documents }: { documents: boolean }): readonly OwnPath[] {
  const paths = ['/health', '/health/live', '/health/ready', '/metrics']
  if (documents) paths.push('/openapi.json', '/asyncapi.json', '/docs')
  return [
    ...paths.map((path) => ({ path, below: false })),
    ...['/dev', '/_lintel'].map((path) => ({ path, below: true })),
  ]
}

/** Whether whatever a template takes in is the gateway's own. */
export function isOwn(template: string, own: readonly OwnPath[]): boolean {
  return own.some(({ path, below }) => template === path || (below && template.startsWith(`${path}/`)))
}

/** The own paths that a template would take in, as they are to be named: `/dev/…` for what is below. */
export function ownPathsIn(template: string, own: readonly OwnPath[]): string[] {
  const segments = template.split('/').slice(1)
  return own.flatMap(({ path, below }) => {
    const wanted = path.split('/').slice(1)
    const deeper = segments.length > wanted.length
    if (deeper ? !below : segments.length < wanted.length) return []
    return wanted.every((text, i) => takes(segments[i]!, text)) ? [deeper ? `${path}/…` : path] : []
  })
}

function takes(segment: string, text: string): boolean {
  const kind = readSegment(segment)
  if (kind === 'parameter') return true
  return kind === 'literal' ? segment === text : matchMixed(kind, text) !== undefined
}
