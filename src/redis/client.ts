import { isIP } from 'node:net'
import { createClient, ErrorReply, RESP_TYPES } from '@redis/client'
import type { RedisAddress } from './address.ts'

export type Argument = string | Buffer

/** As RESP 3 has it; a map is an object, an error is a rejection. */
export type Reply = string | number | boolean | null | Buffer | readonly Reply[] | { readonly [key: string]: Reply }

/** One connection, from when the server lets us in until it breaks. */
export interface Client {
  /** What is sent in one turn of the event loop goes out in one write. Replies come in the order of their commands. */
  send(args: readonly Argument[]): Promise<Reply>
  /** As `send`, with strings as the bytes that they are. */
  sendForBytes(args: readonly Argument[]): Promise<Reply>
  /** Rejects what is under way, and closes the socket. May be called again. */
  destroy(): void
}

export interface OpenOptions {
  /** As which the server lists the connection. */
  readonly name: string
  /** For connecting and logging in together. */
  readonly timeoutMs: number
  /** Called once, when a connection that was open breaks. */
  lost(error: Error): void
}

/** Opens one connection; it is never made anew: whoever keeps it decides when. */
export async function openClient(address: RedisAddress, { name, timeoutMs, lost }: OpenOptions): Promise<Client> {
  const { host, port, tls, user, password, database } = address
  const driver = createClient({
    socket: {
      host,
      port,
      // An address is no server name (RFC 6066 3); the certificate is checked for it all the same.
      ...(tls && { tls: true, ...(isIP(host) === 0 && { servername: host }) }),
      connectTimeout: timeoutMs,
      reconnectStrategy: false,
    },
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    database,
    name,
    RESP: 3,
    disableOfflineQueue: true,
    // Redis Enterprise alone knows it; every other server answers with an error, at each connection.
    maintNotifications: 'disabled',
  })
  let reason: Error | undefined
  let open = false
  // Unheard, it would end the process.
  driver.on('error', (error: Error) => {
    const first = reason === undefined
    reason ??= error
    if (open && first) lost(error)
  })
  /** Over TLS, once both sides have agreed on it. */
  let connected = false
  driver.once('connect', () => {
    connected = true
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(tls && !connected ? NO_TLS : `no answer to the login in ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  const connecting = driver.connect()
  try {
    await Promise.race([connecting, late])
    open = true
  } catch (error) {
    driver.destroy()
    // The driver does not give up a socket that is still connecting: if it succeeds after all, nobody wants it any more.
    connecting.then(
      () => driver.destroy(),
      () => {},
    )
    if (tls && !connected && isNoTls(error)) throw new Error(NO_TLS, { cause: error })
    throw isErrorReply(error) && error.message.startsWith('NOAUTH') ? new Error(NO_PASSWORD, { cause: error }) : error
  } finally {
    clearTimeout(timer)
  }
  const bytes = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }
  return {
    send: (args) => driver.sendCommand<Reply>(args),
    sendForBytes: (args) => driver.sendCommand<Reply>(args, bytes),
    destroy() {
      open = false
      driver.destroy()
    },
  }
}

/** The server's own answer, such as `OOM …`; every other error of a command is that of the connection. */
export function isErrorReply(error: unknown): error is Error {
  return error instanceof ErrorReply
}

const NO_TLS =
  'it does not answer a TLS handshake: rediss:// is for a port that speaks TLS (tls-port of redis.conf), redis:// for one that does not'

const NO_PASSWORD = 'it asks for a password, and its URL has none: redis://:password@host'

/** A Redis that speaks no TLS closes the connection or is silent, depending on what it makes of the bytes; others answer in words. */
function isNoTls(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
}
