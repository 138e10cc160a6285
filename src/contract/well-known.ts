/**
 * Whether clients find it without being told, since its name is registered (RFC 8615): such addresses are at the root of a host,
 * without a version, and their names are not ours to choose.
 */
export function isWellKnown(path: string): boolean {
  return path.startsWith('/.well-known/')
}
