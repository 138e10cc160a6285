import type { JsonWebKey } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { FOREIGN_KEYS, foreignTokens, type RoleSource } from '../auth/jwt-foreign.ts'
import { createKeySet } from '../auth/key-set.ts'
import { createTokenVerifier, type TokenVerifier } from '../auth/tokens.ts'
import { boundedText } from '../base/bounded-text.ts'
import { Fault } from '../base/errors.ts'

/** Whose tokens are believed: any issuer's whose keys are given. */
export interface TokenSource {
  /** A URL or a file (RFC 7517). */
  readonly jwks: string
  readonly issuer: string
  /** What `aud` is or has. Undefined only with `parties`. */
  readonly audience: string | undefined
  /** The clients whose tokens are taken, by `azp`; undefined: all. */
  readonly parties?: readonly string[] | undefined
  readonly roles: RoleSource
  /** What the operator calls `jwks`. */
  readonly named: string
}

const HERE = ['localhost', '127.0.0.1', '[::1]']
const TIMEOUT_MS = 5_000
/** Of a key set, decompressed: real ones have a few kilobytes. */
const MAX_BYTES = 1024 * 1024
/** So often one reason why tokens are refused is logged. */
const REPEAT_MS = 60_000

/**
 * Tokens of another issuer. A file of keys that cannot be used is the Fault WRONG_ARGUMENT; an address that does not answer is not,
 * as the issuer may start later: until then tokens are answered with 503.
 */
export async function trustForeignTokens(
  { jwks, issuer, audience, parties, roles, named }: TokenSource,
  warn: (error: unknown, message: string) => void,
): Promise<TokenVerifier> {
  const remote = /^https?:\/\//i.test(jwks)
  if (/^http:/i.test(jwks) && !HERE.includes(new URL(jwks).hostname))
    warn(
      undefined,
      `${named} is ${jwks}: whoever is on the way there can put keys of their own in its place; give an https:// URL`,
    )
  const keys = createKeySet(() => (remote ? fetchKeys(jwks) : readKeys(jwks)), {
    kind: FOREIGN_KEYS,
    unusable: (kid, reason) =>
      warn(reason, `the key ${JSON.stringify(kid.slice(0, 100))} of ${jwks} cannot be used and is ignored`),
  })
  await keys.refresh().catch((error: Error) => {
    if (!remote)
      throw new Fault(
        'WRONG_ARGUMENT',
        `${named} is "${jwks}": give the URL or the file of a key set (${reason(error)})`,
        {
          cause: error,
        },
      )
    warn(error.cause, `no keys at ${jwks} yet: tokens cannot be verified until there are`)
  })
  const refused = rarely((reason) =>
    warn(reason, 'tokens are refused; the next of this kind within a minute are not logged'),
  )
  return createTokenVerifier({ keys, issuer, audience, form: foreignTokens(roles, parties), refused })
}

/** Passes on what it is told, the same message once a minute: whoever sends bad tokens is not to fill the log. */
function rarely(tell: (reason: unknown) => void): (reason: unknown) => void {
  const toldAtMs = new Map<string, number>()
  return (reason) => {
    // Without what differs from one to the next, so that their number is bounded.
    const kind = String(reason).replace(/\d+/g, '')
    const nowMs = performance.now()
    if (nowMs - (toldAtMs.get(kind) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return
    if (toldAtMs.size >= 100) toldAtMs.clear()
    toldAtMs.set(kind, nowMs)
    tell(reason)
  }
}

type KeySetDocument = { keys: readonly JsonWebKey[] }

async function fetchKeys(url: string): Promise<KeySetDocument> {
  const response = await fetch(url, {
    // Where it leads to is whoever answers' to say: keys come from where the operator said, or not at all.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/jwk-set+json, application/json' },
  })
  if (!response.ok) throw new Error(`it answered ${response.status}`)
  return checked(JSON.parse(await boundedText(response.body, MAX_BYTES)))
}

async function readKeys(file: string): Promise<KeySetDocument> {
  // One byte more than it may have, of whatever it is: a device never ends.
  const bytes = Readable.toWeb(createReadStream(file, { end: MAX_BYTES })) as ReadableStream<Uint8Array>
  return checked(JSON.parse(await boundedText(bytes, MAX_BYTES)))
}

function checked(document: unknown): KeySetDocument {
  const { keys } = (document ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('it has no list of `keys`')
  return { keys: keys.filter((key) => typeof key === 'object' && key !== null) }
}

function reason(error: Error): string {
  const cause = error.cause as Error | undefined
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? cause?.message ?? error.message
}
