import type { Fault } from '../base/errors.ts'
import { unknownMember } from '../base/known-names.ts'
import { inWords } from '../contract/known-members.ts'
import type { TokenSource } from '../proxy/foreign-trust.ts'

/** An identity provider whose access tokens a system believes, such as Keycloak, Auth0 or Clerk. */
export interface IdentityProvider {
  /** The URL of its public keys (RFC 7517), or a file of them. */
  readonly jwks: string
  /** What `iss` of its tokens is, to the letter. */
  readonly issuer: string
  /** What `aud` of its tokens is or has: who they are for. */
  readonly audience?: string
  /** What `azp` of its tokens may be: the client that got them, for providers whose tokens have no `aud`. */
  readonly authorizedParties?: readonly string[]
  /**
   * The claim that has the roles: a name, or a path such as `realm_access.roles`. With `as` roles have other names here, and those that
   * are not in it are none. Without `roles` its tokens carry none.
   */
  readonly roles?: string | { readonly claim: string; readonly as: Readonly<Record<string, string>> }
}

const MEMBERS: readonly (keyof IdentityProvider)[] = ['jwks', 'issuer', 'audience', 'authorizedParties', 'roles']

/** What its tokens are to be verified with. What is missing or means nothing is a Fault; `at` is what the provider is called there. */
export function tokenSourceOf(provider: IdentityProvider, at: string, wrong: (message: string) => Fault): TokenSource {
  const unknown = unknownMember(provider, MEMBERS)
  if (unknown !== undefined) throw wrong(`${at} ${unknown}`)
  const { jwks, issuer, audience, authorizedParties: parties, roles } = provider
  const requireText = (name: string, value: unknown, meaning: string) => {
    if (!isText(value)) throw wrong(`${at}.${name} is ${inWords(value)}: give ${meaning}`)
  }
  requireText('jwks', jwks, 'the URL of the keys of the identity provider')
  requireText('issuer', issuer, 'what `iss` of its tokens is')
  if (audience !== undefined) requireText('audience', audience, 'what `aud` of its tokens is')
  if (parties !== undefined && !(Array.isArray(parties) && parties.length > 0 && parties.every(isText)))
    throw wrong(`${at}.authorizedParties must be a list of what \`azp\` of tokens may be`)
  if (audience === undefined && parties === undefined)
    throw wrong(
      `${at} has neither \`audience\` nor \`authorizedParties\`: without one, tokens for any other application would be believed`,
    )
  return { jwks, issuer, audience, parties, roles: rolesOf(roles, at, wrong), named: `${at}.jwks` }
}

function rolesOf(
  roles: IdentityProvider['roles'],
  at: string,
  wrong: (message: string) => Fault,
): TokenSource['roles'] {
  if (roles === undefined || isText(roles)) return { claim: roles, scopes: false, as: undefined }
  const isMap = typeof roles === 'object' && roles !== null && typeof roles.as === 'object' && roles.as !== null
  if (!isMap || !isText(roles.claim) || !Object.values(roles.as).every(isText))
    throw wrong(
      `${at}.roles must be the name of a claim, or { claim: 'realm_access.roles', as: { 'shop-admin': 'admin' } } for roles with other names here`,
    )
  return { claim: roles.claim, scopes: false, as: roles.as }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
