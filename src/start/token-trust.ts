import { ANONYMOUS, serviceCaller } from '../auth/caller.ts'
import { createKeySet } from '../auth/key-set.ts'
import { createRevocations, type RevocationList } from '../auth/revocations.ts'
import { createTokenVerifier, type TokenVerifier } from '../auth/tokens.ts'
import { client } from '../call/client.ts'
import { guard } from '../call/guard.ts'
import { inProcess } from '../call/in-process.ts'
import type { RunningService } from './run-service.ts'
import type { Auth } from './system.ts'

/** Whose tokens are believed: verified with the keys of the issuing service, until it revokes them. */
export interface TokenTrust {
  readonly verifier: TokenVerifier
  stop(): void
}

export async function trustTokens(
  auth: Auth,
  issuer: RunningService,
  warn: (error: unknown, message: string) => void,
): Promise<TokenTrust> {
  const asked = (caller: Parameters<typeof inProcess>[2]['caller']) =>
    client(auth.service, guard(inProcess(issuer.port, auth.service, { caller }))) as unknown as IssuerCalls
  const [outside, inside] = [asked(ANONYMOUS), asked(serviceCaller('gateway'))]
  const revocations = createRevocations(() => inside.revocations(), {
    warn: (error) => warn(error, 'could not load the revocations'),
  })
  await revocations.refresh()
  // In one process a revocation holds before its answer is sent; other replicas see it with their next load.
  issuer.onCommitted((types) => (auth.revokedBy.some((type) => types.has(type)) ? revocations.refresh() : undefined))
  const verifier = createTokenVerifier({
    keys: createKeySet(() => outside.keys()),
    issuer: auth.issuer,
    audience: auth.audience,
    revoked: revocations.revoked,
  })
  return { verifier, stop: revocations.stop }
}

/** What a service that issues tokens has among its operations. */
interface IssuerCalls {
  keys(): ReturnType<Parameters<typeof createKeySet>[0]>
  revocations(): Promise<RevocationList>
}
