import { Fault } from '../base/errors.ts'
import type { Contract } from './contract.ts'
import { t } from './fields.ts'
import { inWords, type KnownMembers, onlyKnown } from './known-members.ts'
import { operation } from './operation.ts'

/** What the gateway asks of a service that issues access tokens: `operations: { ...issuerOperations, login: operation({ … }) }`. */
export const issuerOperations = {
  /** The public keys that its tokens are verified with (RFC 7517); everybody may read them. */
  keys: operation({
    method: 'GET',
    path: '/.well-known/jwks.json',
    access: 'public',
    answer: {
      keys: t.list(
        t.object({
          kty: t.text(),
          crv: t.text(),
          x: t.text(),
          y: t.text().optional(),
          kid: t.text(),
          alg: t.text(),
          use: t.text(),
        }),
      ),
    },
  }),
  /** Sessions that ended and users whose roles changed, of late. Were it public, anybody could read whose sessions have ended. */
  revocations: operation({
    method: 'GET',
    path: '/auth/revocations',
    access: 'service',
    description: 'What access tokens are no longer to be believed',
    answer: {
      sessions: t.list(t.text(), { max: 1_000_000 }),
      roles: t.list(t.object({ userId: t.text(), roles: t.list(t.text()) }), { max: 1_000_000 }),
    },
  }),
}

/** The contract of a service that issues access tokens. */
export type IssuingContract = Contract<any, typeof issuerOperations, any, any, any, any, any, any, any>

/** Whose access tokens a system believes. */
export interface TokenIssuer {
  readonly kind: 'token-issuer'
  readonly service: IssuingContract
  /** `iss` of its tokens. */
  readonly issuer: string
  /** `aud` of its tokens. */
  readonly audience: string
  /** Its events that may revoke tokens. */
  readonly revokedBy: readonly string[]
  /** The roles that its tokens may carry; undefined: whatever roles. */
  readonly roles: readonly string[] | undefined
}

export interface IssuerOptions<E extends string = string> {
  readonly issuer: string
  readonly audience: string
  readonly revokedBy: readonly E[]
  /** The roles that its tokens may carry. An access rule that names another is then a Fault INVALID_SYSTEM. */
  readonly roles?: readonly string[]
}

const OPTIONS: KnownMembers<IssuerOptions> = { issuer: true, audience: true, revokedBy: 'list', roles: 'list' }

/**
 * Says what the tokens of a service are, for those who issue them and those who verify them: `system({ services, auth })`. One that does
 * not fit the service is a Fault INVALID_CONTRACT.
 *
 * ```ts
 * export const accessTokens = tokenIssuer(users, { issuer: 'shop/users', audience: 'shop', revokedBy: ['session.ended'] })
 * ```
 */
export function tokenIssuer<C extends IssuingContract>(
  service: C,
  options: IssuerOptions<keyof C['events'] & string>,
): TokenIssuer {
  const where = `tokenIssuer("${service.name}")`
  const refuse = (message: string) => new Fault('INVALID_CONTRACT', `R-AUTH-2 ${where} ${message}`)
  onlyKnown(where, options, OPTIONS)
  for (const name of ['keys', 'revocations'] as const)
    if (!Object.hasOwn(service.operations, name) || service.operations[name] !== issuerOperations[name])
      throw refuse(`is of a service without the operation \`${name}\`: add ...issuerOperations to its operations`)
  const { issuer, audience, revokedBy, roles } = options
  for (const [member, claim] of [
    ['issuer', 'iss'],
    ['audience', 'aud'],
  ] as const)
    if (typeof options[member] !== 'string' || options[member] === '')
      throw refuse(`has ${inWords(options[member])} as \`${member}\`: give what \`${claim}\` of its tokens is`)
  if (!Array.isArray(revokedBy)) throw refuse('has no `revokedBy`: list the events that may revoke tokens')
  for (const type of revokedBy)
    if (!Object.hasOwn(service.events, type))
      throw refuse(`has "${type}" in \`revokedBy\`, which is none of its events`)
  return { kind: 'token-issuer', service, issuer, audience, revokedBy, roles }
}
