/** Whatever is called like this holds a secret: `password`, `newPassword`, `passwordHash`, `access_token`, `Set-Cookie`, `X-Api-Key`. */
const SECRET = /(?:password|passwordhash|passphrase|secret|token|jwt|authorization|cookie|apikey|privatekey)s?$/
const MASKED = '[masked]'
/** What lies deeper is left out: a record of the log is not a dump. */
const MAX_DEPTH = 8

/** A record without the secrets that have strayed into it, at any depth (R-OPS-3); itself where there are none. */
export function masked<T extends object>(record: T, depth = 0): T {
  let copy: T | undefined
  for (const [name, value] of Object.entries(record)) {
    const shown = shownValue(name, value, depth)
    if (shown === value) continue
    copy ??= (Array.isArray(record) ? [...record] : { ...record }) as T
    Reflect.set(copy, name, shown)
  }
  return copy ?? record
}

function shownValue(name: string, value: unknown, depth: number): unknown {
  if (value === undefined || value === null || typeof value === 'boolean' || typeof value === 'function') return value
  if (isSecret(name)) return MASKED
  if (typeof value !== 'object' || !isPlain(value)) return value
  return depth < MAX_DEPTH ? masked(value, depth + 1) : '[too deep]'
}

const known = new Map<string, boolean>()
const MOST_KNOWN = 1_000

function isSecret(name: string): boolean {
  let secret = known.get(name)
  if (secret === undefined) {
    secret = SECRET.test(name.toLowerCase().replace(/[^a-z]/g, ''))
    if (known.size < MOST_KNOWN) known.set(name, secret)
  }
  return secret
}

/** What has a class of its own, such as a Date or an Error, says itself how it is shown. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
