import { Fault } from '../base/errors.ts'
import { unknownMember } from '../base/known-names.ts'
import { inWords, type KnownMembers } from '../contract/known-members.ts'
import { isPassable } from '../gateway/outside-headers.ts'
import { isHeaderName } from '../http/header-name.ts'
import { isUnchecked, UNCHECKED, type Unchecked } from '../proxy/foreign/openapi-security.ts'
import type { Env } from './given-settings.ts'
import { type IdentityProvider, tokenSourceOf } from './identity-provider.ts'
import type { Running } from './start.ts'
import { type GatewaySetup, readUpstreamUrl, startGateway } from './start-gateway.ts'

/** What stands behind a gateway, and who is let in: what the options of `lintel gateway` say. */
export interface GatewayOptions {
  /** By name, the address of each upstream, or those of its replicas. */
  readonly upstreams: Readonly<Record<string, string | readonly string[]>>
  /** A route file, JSON or YAML. */
  readonly routes?: string
  /** By the name of the upstream, a file with its OpenAPI document. */
  readonly openapi?: Readonly<Record<string, string>>
  /** What to do where a document asks for API keys and the like; refuse. */
  readonly uncheckedSecurity?: Unchecked
  /** Whose tokens are believed. Without it every route must be public, and credentials pass through. Scopes are roles, too. */
  readonly tokens?: IdentityProvider
  /** Headers to pass on that are dropped else, such as `x-tenant-id`. */
  readonly passHeaders?: readonly string[]
  /** Until an upstream must have begun its answer, over all attempts; 30,000. */
  readonly timeoutMs?: number
  /** Bytes of a body; 1 MiB. */
  readonly maxBodyBytes?: number
}

const OPTIONS: KnownMembers<GatewayOptions> = {
  upstreams: true,
  routes: true,
  openapi: true,
  uncheckedSecurity: true,
  tokens: true,
  passHeaders: 'list',
  timeoutMs: true,
  maxBodyBytes: true,
}

/**
 * Runs a gateway in front of any HTTP services, as `lintel gateway` does. Settings such as PORT are those of `env`. Wrong options are a
 * Fault WRONG_ARGUMENT, files that cannot be served INVALID_ROUTES.
 *
 * ```ts
 * const running = await gateway({ upstreams: { shop: 'http://10.0.0.1:8080' }, openapi: { shop: 'shop.yaml' } })
 * ```
 */
export function gateway(
  options: GatewayOptions,
  env: Env = process.env,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Running> {
  return startGateway(setupOf(options), env, signal ? { signal } : {})
}

function setupOf(options: GatewayOptions): GatewaySetup {
  const unknown = unknownMember(options, Object.keys(OPTIONS))
  if (unknown !== undefined) throw wrong(unknown)
  const { upstreams: given = {}, routes, openapi = {}, uncheckedSecurity, tokens, passHeaders = [] } = options
  const { timeoutMs = 30_000, maxBodyBytes = 1_048_576 } = options
  const upstreams = new Map(Object.entries(given).map(([name, urls]) => [name, urlsOf(name, urls)]))
  if (upstreams.size === 0) throw wrong("has no `upstreams`: name one, as in { shop: 'http://127.0.0.1:8080' }")
  if (routes === undefined && Object.keys(openapi).length === 0)
    throw wrong('has neither `routes` nor `openapi`: it needs to know which paths to serve')
  for (const name of Object.keys(openapi))
    if (!upstreams.has(name)) throw wrong(`has openapi of "${name}", which is not among its upstreams`)
  if (uncheckedSecurity !== undefined && !isUnchecked(uncheckedSecurity))
    throw wrong(`has ${inWords(uncheckedSecurity)} as uncheckedSecurity: give one of ${UNCHECKED.join(', ')}`)
  requireWhole('timeoutMs', timeoutMs, 3_600_000)
  requireWhole('maxBodyBytes', maxBodyBytes, Number.MAX_SAFE_INTEGER)
  const source = tokens && tokenSourceOf(tokens, 'tokens', wrong)
  return {
    upstreams,
    routes,
    openapi: Object.entries(openapi).map(([upstream, file]) => ({ upstream, file })),
    ...(uncheckedSecurity && { unchecked: uncheckedSecurity }),
    // Whoever is behind the gateway may ask for scopes as well as for roles.
    tokens: source && { ...source, roles: { ...source.roles, scopes: true } },
    passedHeaders: passHeaders.map(headerName),
    timeoutMs,
    maxBodyBytes,
  }
}

function urlsOf(name: string, given: string | readonly string[]): URL[] {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name))
    throw wrong(`has an upstream named "${name}": use small letters, digits and -`)
  const texts = [given].flat()
  if (texts.length === 0) throw wrong(`has no address of the upstream "${name}"`)
  return texts.map((text) => {
    const url = readUpstreamUrl(text)
    if (!url) throw wrong(`has ${inWords(text)} as an address of "${name}": give one such as http://127.0.0.1:8080`)
    return url
  })
}

function headerName(text: string): string {
  const name = text.toLowerCase()
  if (isHeaderName(name) && isPassable(name)) return name
  throw wrong(`has "${text}" among passHeaders: give the name of a header that is not the gateway's own to set`)
}

function requireWhole(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw wrong(`has ${inWords(value)} as ${name}: give a whole number from 1${max > 1e9 ? '' : ` to ${max}`}`)
}

function wrong(message: string): Fault {
  return new Fault('WRONG_ARGUMENT', `gateway(…) ${message}`, { exitCode: 2 })
}
