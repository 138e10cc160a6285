/** The servers of one NATS cluster, from `nats://user:password@host:4222`, or `tls://…`; several joined by commas. */
export interface NatsAddress {
  /** Host and port of each. */
  readonly servers: readonly string[]
  /** Names and addresses of the hosts, to compare with certificates. */
  readonly hosts: readonly string[]
  readonly tls: boolean
  /** Who logs in, at every server. */
  readonly login: NatsLogin | undefined
}

export type NatsLogin = { readonly user: string; readonly pass: string } | { readonly token: string }

/**
 * Undefined where the text is none. All of them use TLS or none does, and all that name a login name the same: it goes to
 * whichever server takes the connection.
 */
export function natsAddress(text: string): NatsAddress | undefined {
  const urls = text.split(',').map((one) => (URL.canParse(one) ? new URL(one) : undefined))
  if (!urls.every(isServer)) return undefined
  const logins = new Set(
    urls.filter(({ username }) => username).map(({ username, password }) => `${username}:${password}`),
  )
  if (new Set(urls.map(({ protocol }) => protocol)).size > 1 || logins.size > 1) return undefined
  const [login] = logins
  try {
    return {
      servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4222}`),
      hosts: urls.map(({ hostname }) => hostname.replace(/^\[(.*)\]$/, '$1')),
      tls: urls[0]!.protocol === 'tls:',
      login: login === undefined ? undefined : loginOf(login.split(':').map(decodeURIComponent)),
    }
  } catch {
    // A password with a percent sign that is not encoded.
    return undefined
  }
}

function isServer(url: URL | undefined): url is URL {
  if (!url || !/^(nats|tls):$/.test(url.protocol)) return false
  return (
    url.hostname !== '' && /^\/?$/.test(url.pathname) && !url.search && !url.hash && (!url.password || !!url.username)
  )
}

/** A user without a password is a token, as other clients of NATS have it. */
function loginOf([user, pass]: readonly string[]): NatsLogin {
  return pass ? { user: user!, pass } : { token: user! }
}
