import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { Fault, Problem } from '../base/errors.ts'
import { problemOf } from './faults.ts'
import { isUnverified, pinned, tlsFault, tlsReason } from './tls.ts'

export interface ConnectOptions {
  /** For connecting and logging in together; 10,000. */
  timeoutMs?: number
  signal?: AbortSignal | undefined
}

/**
 * One connection of its own, outside every pool: for migrations and for work on the server itself. End it with `end()`.
 * Faults: DATABASE_URL_INVALID, DATABASE_UNREACHABLE (exit code 1), DATABASE_TLS, DATABASE_LOGIN_REFUSED, DATABASE_MISSING.
 */
export async function connect(url: string, { timeoutMs = 10_000, signal }: ConnectOptions = {}): Promise<pg.Client> {
  const client = clientFor(url, timeoutMs)
  // A connection that is lost later says so to the next statement; unheard here, it would end the process.
  client.on('error', () => {})
  const { stream } = (client as unknown as { connection: { stream: { destroy(error: Error): void } } }).connection
  const abort = () => stream.destroy(new Error('aborted'))
  signal?.throwIfAborted()
  signal?.addEventListener('abort', abort)
  try {
    await client.connect()
    return client
  } catch (error) {
    // After a refusal on our own side, such as a missing password, the socket is still open.
    client.end().catch(() => {})
    signal?.throwIfAborted()
    throw faultOf(error, client)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

export interface WaitOptions {
  /** How long an unreachable server is tried: START_TIMEOUT. */
  timeoutMs: number
  log?: (line: string) => void
  signal?: AbortSignal
}

const LONGEST_TRY_MS = 5_000
const SHORTEST_TRY_MS = 500
const SAY_EVERY_MS = 5_000

/**
 * Resolves once the server lets us in. One that can't be reached is tried until the timeout (R-OPS-4), saying so at
 * once and every few seconds; what more time won't heal (a malformed URL, a refused login) fails at once.
 * Faults as in `connect`.
 */
export async function waitForServer(url: string, { timeoutMs, log, signal }: WaitOptions): Promise<void> {
  if (isUnverified(url)) {
    const { host, port } = addressOf(url)
    log?.(
      `The certificate of PostgreSQL at ${host}:${port} is not verified (sslmode=no-verify): whoever is in between can read and change everything.`,
    )
  }
  const end = performance.now() + timeoutMs
  let saidAt = Number.NEGATIVE_INFINITY
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    const leftMs = end - performance.now()
    try {
      const tryMs = Math.min(Math.max(leftMs, SHORTEST_TRY_MS), LONGEST_TRY_MS)
      return await (await connect(url, { timeoutMs: tryMs, signal })).end()
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'DATABASE_UNREACHABLE') throw error
      const now = performance.now()
      if (now >= end) throw error
      if (now - saidAt >= SAY_EVERY_MS) {
        log?.(`${error.message} Trying for another ${Math.ceil((end - now) / 1000)} s.`)
        saidAt = now
      }
    }
    await delay(Math.min(pauseMs, Math.max(end - performance.now(), 0)), undefined, { signal }).catch(() => {})
    signal?.throwIfAborted()
  }
}

/** The parts of a server's URL, as the driver reads them. */
export interface Address {
  host: string
  port: number
  user: string | undefined
  password: string | undefined
}

export function addressOf(url: string): Address {
  const { host, port, user, password } = clientFor(url)
  return { host, port, user, password: password || undefined }
}

/** The same server, with the same settings, for another database and, where one is given, another user. */
export function urlFor(url: string, database: string, { user, password }: Partial<Address> = addressOf(url)): string {
  const { host, port } = addressOf(url)
  const settings = new URLSearchParams(url.split('?')[1])
  // The driver lets these stand in the query, where they would beat what is said in front.
  for (const name of ['host', 'port', 'user', 'password']) settings.delete(name)
  const login = [user ?? '', ...(password === undefined ? [] : [password])].map(encodeURIComponent).join(':')
  const place = host.includes(':') ? `[${host}]` : encodeURIComponent(host)
  const query = settings.size > 0 ? `?${settings}` : ''
  return `postgres://${login}@${place}:${port}/${encodeURIComponent(database)}${query}`
}

function clientFor(url: string, timeoutMs = 0): pg.Client {
  let reason = ''
  const fault = tlsFault(url)
  if (fault !== undefined) reason = `: ${fault}`
  else if (/^postgres(ql)?:\/\//.test(url)) {
    try {
      return new pg.Client({
        connectionString: pinned(url),
        application_name: 'lintel',
        connectionTimeoutMillis: timeoutMs,
        keepAlive: true,
      })
    } catch (error) {
      // Such as "Invalid URL", or a certificate's file that isn't there.
      reason = `: ${(error as Error).message}`
    }
  }
  throw new Fault(
    'DATABASE_URL_INVALID',
    `The database URL can't be read${reason}. Expected postgres://user:password@host:5432/database, with special ` +
      'characters of the password percent-encoded (DATABASE_URL or <SERVICE>_DATABASE_URL).',
  )
}

/** Says where and as whom, never with which password. */
function faultOf(error: unknown, { host, port, user, database }: pg.Client): Fault {
  const where = host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : `${host}:${port}`
  if (isUnreachable(error)) {
    return new Fault(
      'DATABASE_UNREACHABLE',
      `PostgreSQL at ${where} can't be reached (${reasonOf(error)}). Start it, or correct DATABASE_URL.`,
      { cause: error, exitCode: 1 },
    )
  }
  const insecure = tlsReason(error)
  if (insecure !== undefined) {
    return new Fault(
      'DATABASE_TLS',
      `PostgreSQL at ${where} can't be used over TLS (${insecure}), and was sent no password. Name its authority ` +
        '(NODE_EXTRA_CA_CERTS, or sslrootcert in DATABASE_URL), call it by a name in its certificate, or correct sslmode.',
      { cause: error },
    )
  }
  const { code, message } = error as { code?: string; message: string }
  if (code === '3D000') {
    return new Fault(
      'DATABASE_MISSING',
      `PostgreSQL at ${where} has no database "${database}". Create it, or correct DATABASE_URL (or <SERVICE>_DATABASE_URL).`,
      { cause: error },
    )
  }
  return new Fault(
    'DATABASE_LOGIN_REFUSED',
    `PostgreSQL at ${where} refused the login of "${user}" to the database "${database}": ${message}. ` +
      'Correct user and password in DATABASE_URL (or <SERVICE>_DATABASE_URL), or let the user in (pg_hba.conf).',
    { cause: error },
  )
}

/** Also a server that is starting, recovering or full; and names that aren't known yet, as when containers start. */
function isUnreachable(error: unknown): boolean {
  const problem = problemOf(error)
  return (problem instanceof Problem && problem.code === 'SERVICE_UNAVAILABLE') || 'syscall' in (error as object)
}

function reasonOf(error: unknown): string {
  // When a name has several addresses, Node's error for all of them has a code and no message.
  const { code, message } = error as NodeJS.ErrnoException
  if (message === 'timeout expired') return 'no answer in time'
  return code !== undefined && !message.includes(code) ? [code, message].filter(Boolean).join(': ') : message
}
