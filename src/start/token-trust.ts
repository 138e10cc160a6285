import { ANONYMOUS, type Caller, serviceCaller } from '../auth/caller.ts'
import { createKeySet } from '../auth/key-set.ts'
import { createRevocations } from '../auth/revocations.ts'
import { createTokenVerifier, type TokenVerifier } from '../auth/tokens.ts'
import { GATEWAY } from '../call/call-head.ts'
import { guard } from '../call/guard.ts'
import { portClient } from '../call/port-client.ts'
import type { TokenIssuer } from '../contract/token-issuer.ts'
import type { Log } from '../observe/log.ts'
import { trustForeignTokens } from '../proxy/foreign-trust.ts'
import { invalidSystem } from './check-system.ts'
import { type IdentityProvider, tokenSourceOf } from './identity-provider.ts'
import type { Peer } from './peers.ts'

/** Whose tokens are believed: verified with the keys of the issuing service, until it revokes them. */
export interface TokenTrust {
  readonly verifier: TokenVerifier
  /**
   * Told of the events of a change by the issuing service, where that runs in this process: a revocation then holds before its
   * answer is sent. Elsewhere it is seen with the next load.
   */
  committed(types: ReadonlySet<string>): Promise<void> | undefined
  /** Loads what is revoked now, as another process has said that there is something. */
  refresh(): Promise<void>
  stop(): void
}

export interface TokenTrustOptions {
  readonly log: Log
  /** Called when a change in this process has revoked tokens. */
  readonly revoked?: (() => void) | undefined
}

export async function trustTokens(
  auth: TokenIssuer,
  issuer: Peer,
  { log, revoked }: TokenTrustOptions,
): Promise<TokenTrust> {
  const { breaker } = issuer
  const asked = (caller: Caller) => portClient(auth.service, guard(issuer.as(caller), { breaker }))
  const [outside, inside] = [asked(ANONYMOUS), asked(serviceCaller(GATEWAY))]
  const revocations = createRevocations(() => inside.revocations(), {
    warn: (err) =>
      log.warn({ err }, 'could not load the revocations: those that are known go on, and it is tried again'),
    restored: () => log.info('the revocations are loaded again'),
  })
  await revocations.refresh()
  const verifier = createTokenVerifier({
    keys: createKeySet(async () => ({ keys: (await outside.keys()).keys.map(withoutNull) })),
    issuer: auth.issuer,
    audience: auth.audience,
    revoked: revocations.revoked,
  })
  return {
    verifier,
    committed(types) {
      if (!auth.revokedBy.some((type) => types.has(type))) return undefined
      revoked?.()
      return revocations.refresh()
    },
    refresh: revocations.refresh,
    stop: revocations.stop,
  }
}

/** Tokens of an identity provider, which are good until they expire: it tells nobody which sessions have ended. */
export async function trustProvider(auth: IdentityProvider, log: Log): Promise<TokenTrust> {
  const verifier = await trustForeignTokens(tokenSourceOf(auth, 'auth', invalidSystem), (err, message) =>
    log.warn({ err }, message),
  )
  return { verifier, committed: () => undefined, refresh: async () => {}, stop() {} }
}

/** Keys of one kind of curve have no `y`: an answer says so with null, a JWK by leaving it out (RFC 8037). */
function withoutNull<K extends { readonly y?: string | null }>({
  y,
  ...key
}: K): Omit<K, 'y'> & { readonly y?: string } {
  return y === null || y === undefined ? key : { ...key, y }
}
