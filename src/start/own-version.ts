import { createRequire } from 'node:module'

/** Of Lintel itself. A gateway alone has no system whose version it could show. */
export function ownVersion(): string {
  const { version } = createRequire(import.meta.url)('lintel/package.json') as { version: string }
  return version
}
