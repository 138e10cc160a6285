import { HOP_BY_HOP } from '../http/hop-by-hop.ts'

/** Whether a header from outside is dropped, by its name in lower case. `viaProxy`: a trusted proxy passed it on. */
export type HeaderFilter = (name: string, viaProxy: boolean) => boolean

/**
 * Drops headers by which a server behind a gateway learns who asks, from where, or that something else is asked than the request
 * line says: an upstream that believes them would believe anybody (R-GW-2). `passed` are exceptions, in lower case.
 */
export function headerFilter(passed: readonly string[] = []): HeaderFilter {
  const exceptions = new Set(passed)
  return (name, viaProxy) => {
    if (HARMLESS.has(name) || exceptions.has(name)) return false
    if (name === 'x-real-ip' || name.startsWith('x-forwarded-')) return !viaProxy || FORGEABLE_BY_PROXIES.test(name)
    return !PLAIN.test(name) || FORGEABLE.test(name)
  }
}

/** Whether a header may be passed on at all: not what is the gateway's to say, or belongs to a connection. */
export function isPassable(name: string): boolean {
  return !name.startsWith('lintel-') && !OURS.has(name) && !HOP_BY_HOP.has(name)
}

/** Set here, or by the client that sends it. `Expect` is answered by whoever reads the body. */
export const OURS: ReadonlySet<string> = new Set([
  'host',
  'expect',
  'x-request-id',
  'traceparent',
  'tracestate',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
])

/** What nearly every request has: these need no patterns. */
const HARMLESS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'cache-control',
  'content-length',
  'content-type',
  'cookie',
  'dnt',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'origin',
  'pragma',
  'priority',
  'range',
  'referer',
  // Of a page that was opened by hand: it says that, and not who.
  'sec-fetch-user',
  'user-agent',
])

/** CGI, WSGI and the like make one name of `x_user_id`, `x.user.id` and `x-user-id`. */
const PLAIN = /^[a-z0-9-]+$/

/** What proxies pass on without looking at it. */
const FORGEABLE_BY_PROXIES =
  /^x-forwarded-(?:access-token|client-cert|client-cert-.+|email|groups?|id-token|org|preferred-username|roles?|sub|subject|tenant|tls-.+|user|user-.+|username)$/

const FORGEABLE = oneOf([
  // Who asks, as proxies, identity providers and clouds say it. `x-auth-token` and `x-auth-key` are credentials, which the upstream checks.
  /^(?:lintel|remote|oidc|shib|saml|impersonate|tailscale|jwt-claim)-/,
  /^x-auth(?!-token$|-key$)(?:$|-|enticated)/,
  /^(?:x-)?user(?!-agent$)/,
  /-user(?:-?(?:id|name|email|login))?$/,
  /^(?:x-)?(?:is-)?(?:account|acl|admin|anonymous|caller|claim|consumer|credential|customer|employee|entitlement|group|identity|internal|member|org|organi[sz]ation|permission|principal|privilege|remote|role|scope|subject|tenant|webauth|workspace)s?(?:$|-|id$|name$)/,
  /^(?:x-)?(?:(?:e-?mail|login|uid)(?:$|-)|(?:sub|sudo|upn)$)/,
  /^x-(?:id-token|token-claims?|token-info)$/,
  /^x-(?:act-as|on-behalf-of|impersonat)/,
  /^x-(?:authelia|authentik|hasura|jwt|ldap|oidc|pomerium|saml|shib|spiffe|sso|vouch)-/,
  /^x-(?:ms-client-principal|ms-token-|amzn-oidc-|amzn-mtls-|amzn-request-context$|istio-|goog-authenticated-|goog-iap-|appengine-|apigateway-|endpoint-api-)/,
  // Whose certificate.
  /^x-(?:ssl|tls|mtls|cert|certificate|peer-cert|peer-certificate)(?:$|-)/,
  /^(?:x-)?(?:ssl-|tls-)?client-(?:cert|certificate|dn|fingerprint|issuer|san|s-dn|serial|ssl|subject|tls|verified|verify)(?:$|-)/,
  // From where: a trusted proxy's word is in X-Forwarded-*.
  /^(?:cf|fastly|x-arr|x-envoy|x-azure|x-vercel|x-nf|x-akamai)-/,
  /^(?:x-)?forward(?:ed)?(?:-for)?$/,
  /(?:client|cluster|connecting|originating|peer|proxyuser|real|remote|socket|source|src)-?(?:ip|addr|address)(?:v[46])?$/,
  // What is asked instead. A header `Proxy` is HTTP_PROXY to CGI.
  /^x-(?:http-method|http-method-override|http-path-override|method-override|http-host-override|http-destinationurl|waws-unencoded-url|host|host-override|matched-path|method|path|ur[il])$/,
  /^x-(?:original|rewrite|middleware|invoke)-/,
  /^x-(?:request|override|target|proxy|backend|base)-(?:host|method|path|uri|url)$/,
  /^(?:proxy|proxy-host|request-uri|front-end-https|x-(?:url-|http-|client-)?scheme)$/,
])

/** One pattern is quicker than a dozen. */
function oneOf(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'))
}
