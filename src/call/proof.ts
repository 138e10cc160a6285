import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** Makes and checks the proofs of calls between processes of one system (R-GW-2). */
export interface Proofs {
  /** HMAC-SHA256 over the call's head, base64url. */
  sign(head: string): string
  /** Whether one of the keys made it. Takes as long for a proof that is nearly right as for any other. */
  verify(head: string, proof: string): boolean
}

/** How far the clocks of two machines may be apart, together with the time that a call takes to arrive. */
export const MAX_AGE_MS = 30_000

/** The first key signs, every one verifies: so a new key is brought in without a call that fails. */
export function createProofs(keys: readonly string[]): Proofs {
  // Not KeyObjects: with one a MAC takes half as long again.
  const secrets = keys.map((key) => Buffer.from(key, 'utf8'))
  return {
    sign: (head) => createHmac('sha256', secrets[0]!).update(head).digest('base64url'),
    verify(head, proof) {
      const given = Buffer.from(proof, 'base64url')
      if (given.length !== MAC_BYTES) return false
      let verified = false
      for (const secret of secrets)
        if (timingSafeEqual(createHmac('sha256', secret).update(head).digest(), given)) verified = true
      return verified
    },
  }
}

const MAC_BYTES = 32

export function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url')
}
