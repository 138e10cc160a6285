import type { JsonWebKey, webcrypto } from 'node:crypto'
import { Problem } from '../base/errors.ts'
import { ALGORITHM, publicKeyOf } from './keys.ts'

/** The public keys that a verifier knows, by `kid`. */
export interface KeySet {
  /**
   * The key of that `kid`, at once when it is known. Else the set is loaded, at most once in 5 s and once for all who ask
   * meanwhile. Rejects with SERVICE_UNAVAILABLE when it cannot be loaded: nobody is logged out because a service is down.
   */
  find(kid: string): webcrypto.CryptoKey | undefined | Promise<webcrypto.CryptoKey | undefined>
  /** Loads now, whenever the last time was: for the process that has just rotated its keys. */
  refresh(): Promise<void>
  /** Plus one whenever the keys are others than before: what was verified by the former ones has to be verified anew. */
  readonly generation: number
}

export interface KeySetOptions {
  /** Milliseconds of a clock that never goes back; its beginning does not matter. */
  now?: () => number
  /** The least time between two loads for unknown keys; 5,000. */
  intervalMs?: number
  /** A set older than this is loaded anew in the background, so that a withdrawn key is forgotten; 600,000. */
  maxAgeMs?: number
  /** Which keys are taken; our own kind. */
  kind?: KeyKind
  /** Told of keys that are passed over because they cannot be used, whenever the set changes. */
  unusable?: (kid: string, reason: unknown) => void
}

/** A kind of keys that tokens may be signed with. */
export interface KeyKind {
  /** As messages have it: `ES256`. */
  readonly name: string
  /** Whether it is meant to verify our tokens; others are passed over in silence. */
  takes(key: JsonWebKey): key is NamedJwk
  /** Bound to one algorithm; rejects when it is no key. */
  import(key: NamedJwk): Promise<webcrypto.CryptoKey>
}

export type NamedJwk = JsonWebKey & { kid: string }

/** `load` fetches the key set document; its deadline is its own. Keys of other kinds in it are passed over. */
export function createKeySet(
  load: () => Promise<{ keys: readonly JsonWebKey[] }>,
  {
    now = () => performance.now(),
    intervalMs = 5_000,
    maxAgeMs = 600_000,
    kind = OURS,
    unusable = () => {},
  }: KeySetOptions = {},
): KeySet {
  let keys: ReadonlyMap<string, webcrypto.CryptoKey> = new Map()
  let contents = ''
  let generation = 0
  let loading: Promise<void> | undefined
  let attemptedAtMs = Number.NEGATIVE_INFINITY
  let failure: Problem | undefined

  function loadOnce(): Promise<void> {
    attemptedAtMs = now()
    loading ??= replace().finally(() => {
      loading = undefined
    })
    return loading
  }

  async function replace(): Promise<void> {
    try {
      const usable = (await load()).keys.filter(kind.takes)
      // An empty set is a mistake at the other end; the keys known so far are the better answer.
      if (usable.length === 0) throw new Error(`the key set has no ${kind.name} key`)
      const text = JSON.stringify(usable.map(({ kid, alg, crv, x, y, n, e }) => [kid, alg, crv, x, y, n, e]).sort())
      if (text !== contents) {
        const imported = await importAll(usable, kind, unusable)
        if (imported.size === 0) throw new Error(`the key set has no ${kind.name} key that can be used`)
        keys = imported
        contents = text
        generation += 1
      }
      failure = undefined
    } catch (cause) {
      failure = new Problem('SERVICE_UNAVAILABLE', undefined, { retryAfterS: 1, cause })
      throw failure
    }
  }

  return {
    find(kid) {
      const known = keys.get(kid)
      const ageMs = now() - attemptedAtMs
      if (known !== undefined) {
        if (ageMs > maxAgeMs && loading === undefined) loadOnce().catch(() => {}) // the next unknown kid reports it
        return known
      }
      if (loading === undefined && ageMs < (failure === undefined ? intervalMs : RETRY_MS)) {
        return failure === undefined ? undefined : Promise.reject(failure)
      }
      return (loading ?? loadOnce()).then(() => keys.get(kid))
    },
    async refresh() {
      // A load under way may have been answered before the rotation: wait it out, then load.
      await loading?.catch(() => {})
      await loadOnce()
    },
    get generation() {
      return generation
    },
  }
}

/** After a failed load the next may come sooner than after a good one: a system that starts should not wait 5 s. */
const RETRY_MS = 1_000

type OurJwk = NamedJwk & { x: string; y: string }

const OURS: KeyKind = {
  name: ALGORITHM,
  takes(key): key is OurJwk {
    return (
      key.kty === 'EC' &&
      key.crv === 'P-256' &&
      (key.alg ?? ALGORITHM) === ALGORITHM &&
      isForVerifying(key) &&
      [key.kid, key.x, key.y].every((member) => typeof member === 'string' && member !== '')
    )
  },
  import: (key) => publicKeyOf(key as OurJwk),
}

/** By `use` and `key_ops`, where it has them (RFC 7517 4.2 and 4.3). */
export function isForVerifying({ use = 'sig', key_ops: uses }: JsonWebKey): boolean {
  return use === 'sig' && (uses === undefined || (Array.isArray(uses) && uses.includes('verify')))
}

/** One bad key spoils no other (RFC 7517 5). */
async function importAll(
  usable: readonly NamedJwk[],
  kind: KeyKind,
  unusable: (kid: string, reason: unknown) => void,
): Promise<Map<string, webcrypto.CryptoKey>> {
  const imported = new Map<string, webcrypto.CryptoKey>()
  for (const key of usable)
    try {
      imported.set(key.kid, await kind.import(key))
    } catch (reason) {
      unusable(key.kid, reason)
    }
  return imported
}
