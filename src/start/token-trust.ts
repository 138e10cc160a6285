import { ANONYMOUS, type Caller, serviceCaller } from '../auth/caller.ts'
import { createKeySet } from '../auth/key-set.ts'
import { createRevocations, type RevocationList } from '../auth/revocations.ts'
import { createTokenVerifier, type TokenVerifier } from '../auth/tokens.ts'
import { GATEWAY } from '../call/call-head.ts'
import { client } from '../call/client.ts'
import { guard } from '../call/guard.ts'
import type { Log } from '../observe/log.ts'
import type { Peer } from './peers.ts'
import type { Auth } from './system.ts'

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

export async function trustTokens(auth: Auth, issuer: Peer, { log, revoked }: TokenTrustOptions): Promise<TokenTrust> {
  const { breaker } = issuer
  const asked = (caller: Caller) =>
    client(auth.service, guard(issuer.as(caller), { breaker })) as unknown as IssuerCalls
  const [outside, inside] = [asked(ANONYMOUS), asked(serviceCaller(GATEWAY))]
  const revocations = createRevocations(() => inside.revocations(), {
    warn: (err) =>
      log.warn({ err }, 'could not load the revocations: those that are known go on, and it is tried again'),
    restored: () => log.info('the revocations are loaded again'),
  })
  await revocations.refresh()
  const verifier = createTokenVerifier({
    keys: createKeySet(() => outside.keys()),
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

/** What a service that issues tokens has among its operations. */
interface IssuerCalls {
  keys(): ReturnType<Parameters<typeof createKeySet>[0]>
  revocations(): Promise<RevocationList>
}
