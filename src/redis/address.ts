/** The parts of a server's URL: `redis://user:password@host:6379/0`, or `rediss://…` over TLS. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  readonly user: string | undefined
  readonly password: string | undefined
  /** The number of its database; 0 unless given. */
  readonly database: number
}

/** Undefined where the text is no such URL. */
export function redisAddress(text: string): RedisAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || url.search || url.hash) return undefined
  const database = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1]
  if (database === undefined) return undefined
  try {
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 6379 : Number(url.port),
      tls: url.protocol === 'rediss:',
      user: decodeURIComponent(url.username) || undefined,
      password: decodeURIComponent(url.password) || undefined,
      database: Number(database),
    }
  } catch {
    // A password with a percent sign that is not encoded.
    return undefined
  }
}

/** For messages: where a server is, without who logs in. */
export function placeOf({ host, port, database }: RedisAddress): string {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return database === 0 ? place : `${place}/${database}`
}
