import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { turns } from '../resilience/turns.ts'
import { answerClientError, type Refusal, refuseConnect } from './client-error.ts'
import { listenFault } from './listen-fault.ts'
import type { Log } from './log.ts'
import { isEnding } from './respond.ts'
import { watchUnread } from './unread.ts'

/** Answers a request by itself, whatever happens: nothing it throws or rejects with is looked at. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>

export interface HttpServerOptions {
  /** Bytes of request line and headers together; 16 KiB. Beyond it: 431. */
  maxHeaderBytes?: number
  /** How long a client may take to send its headers, from the connection's start or a later request's first byte; 10,000. */
  headersTimeoutMs?: number
  /** How long a client may take to send a whole request; 30,000. Then: 408. */
  requestTimeoutMs?: number
  /** How long an idle connection is kept; 72,000: longer than the 60 s of the usual load balancer, which must be the one to close. */
  keepAliveTimeoutMs?: number
  /** How often the two first timeouts are looked at: one timer for the whole server, none per request; 2,000. */
  timeoutCheckMs?: number
  /** How long a client may read nothing of an answer before it is disconnected; 60,000. */
  unreadTimeoutMs?: number
  /** Takes the connections that begin with HTTP/2's preface; without it they are rejected. */
  http2?: (socket: Socket) => void
  /**
   * Takes the connection of a request that asks for another protocol (RFC 9110, 7.8), with what was read after that. Where it returns
   * false, the request is answered as if it had not asked; without it, all are.
   */
  upgrade?: (req: IncomingMessage, socket: Socket, first: Buffer) => boolean
  /** Serves over TLS alone; without it, over none. */
  tls?: TlsIdentity | undefined
  /** Besides TLS, serves at the same port what does not begin with a handshake, in clear; for a change from one to the other. */
  plainToo?: boolean | undefined
  /** Told of each answer to what never became a request: bytes that are no HTTP, headers beyond the bound, CONNECT. */
  refused?: ((refusal: Refusal) => void) | undefined
  log?: Log
}

/** What a server shows of itself in PEM: its certificate, with those between it and its authority, and the key. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
}

export interface HttpServer {
  /** Begins to accept connections; port 0 picks a free one. Throws Faults PORT_TAKEN, PORT_FORBIDDEN, HOST_UNKNOWN. */
  listen(address: { host: string; port: number }): Promise<AddressInfo>
  /** Connections from now on are shown this identity; for servers with TLS. */
  renew(identity: TlsIdentity): void
  /** Ends; gives the number of connections that had to be cut. */
  close(options: CloseOptions): Promise<number>
}

export interface CloseOptions {
  /** How long requests that are under way may take to end. */
  timeoutMs: number
  /**
   * For so long, connections are still accepted, and each answer asks its client to close; 0. A load balancer that has yet
   * to hear of the end, and a client whose next request is on the wire already, lose nothing then.
   */
  lameDuckMs?: number
}

/** A server of node:http with bounds, and an end that cuts nobody off. */
export function createHttpServer(handle: RequestHandler, options: HttpServerOptions = {}): HttpServer {
  const headersTimeoutMs = options.headersTimeoutMs ?? 10_000
  const bounds = {
    maxHeaderSize: options.maxHeaderBytes ?? 16 * 1024,
    headersTimeout: headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 72_000,
    connectionsCheckingInterval: options.timeoutCheckMs ?? 2_000,
    // Finds out about peers that vanished without a word.
    keepAlive: true,
    insecureHTTPParser: false,
    // Node's own refusal has no envelope: checkFraming refuses.
    requireHostHeader: false,
  }
  const { tls, plainToo = false } = options
  const secure = tls && secureServer({ ...bounds, ...tls, handshakeTimeout: headersTimeoutMs }, plainToo)
  const server: Server = secure?.server ?? createServer(bounds)
  /** When requests can be read of a connection. */
  const opened = secure ? 'secureConnection' : 'connection'
  // Beyond 2,000 headers Node drops the rest in silence, an Authorization among them; their size bounds them already.
  server.maxHeadersCount = 0

  let draining = false
  const letIn = (req: IncomingMessage, res: ServerResponse) => {
    if (isEnding(req.socket)) return
    if (draining) res.setHeader('connection', 'close')
    void handle(req, res)
  }
  const sockets = new Set<Socket>()
  const { http2 } = options
  if (http2 !== undefined)
    divert(server, opened, headersTimeoutMs, beginsHttp2, (socket) => {
      // Whoever takes it sees to its end.
      sockets.delete(socket)
      http2(socket)
    })
  server.on(opened, (socket: Socket) => {
    secure?.established(socket)
    sockets.add(socket)
    turns.accepted()
    socket.once('close', () => sockets.delete(socket))
  })

  let unread: { stop(): void } | undefined

  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    // A pipelined request's answer has no socket until the answer before it is out. Until then it waits in memory, for as long
    // as the client does not read: so few are made ahead of their turn (FC-93).
    if (res.socket === null) takeTurn(req, res)
    else take(req, res)
  }
  const take = (req: IncomingMessage, res: ServerResponse) => {
    if (turns.areShort) turns.later('request', () => letIn(req, res))
    else letIn(req, res)
  }
  /**
   * How many connections may wait to be accepted, as far as the kernel allows (net.core.somaxconn). With Node's 511, of 2,000 clients that
   * connect at once many believe to be connected, and their requests are lost until they are sent again, seconds later (FC-112).
   */
  const BACKLOG = 4096
  /** How many pipelined requests of a connection wait for their turn. */
  const waiting = new WeakMap<Socket, number>()
  const takeTurn = (req: IncomingMessage, res: ServerResponse) => {
    const { socket } = req
    const ahead = (waiting.get(socket) ?? 0) + 1
    waiting.set(socket, ahead)
    const early = ahead <= WORKED_AHEAD
    if (ahead >= MAX_PIPELINED) socket.pause()
    res.once('socket', () => {
      const left = waiting.get(socket)! - 1
      waiting.set(socket, left)
      if (left === MAX_PIPELINED - 1) socket.resume()
      if (!early) take(req, res)
    })
    if (early) take(req, res)
  }
  server.on('request', onRequest)
  // The body's reader says 100 Continue, after everything that can refuse the request without it.
  server.on('checkContinue', onRequest)
  // Any other expectation may be ignored (RFC 9110 10.1.1).
  server.on('checkExpectation', onRequest)
  const { upgrade } = options
  if (upgrade !== undefined)
    server.on('upgrade', (req, socket: Socket, first) => {
      // Node has let go of it.
      socket.on('error', () => socket.destroy())
      if (!upgrade(req, socket, first)) answerOnce(req, socket, letIn)
    })
  server.on('connect', (_req, socket) => refuseConnect(socket as Socket, options.refused))
  server.on('clientError', (error, socket) => answerClientError(error, socket as Socket, options.refused))

  return {
    listen({ host, port }) {
      return new Promise((resolve, reject) => {
        const refused = (error: NodeJS.ErrnoException) => reject(listenFault(error, host, port))
        server.once('error', refused)
        server.listen({ host, port, backlog: BACKLOG }, () => {
          server.off('error', refused)
          unread = watchUnread(sockets, options.unreadTimeoutMs ?? 60_000)
          // Out of file descriptors, say: one connection is lost then; unheard, the error would end the process.
          server.on('error', (error) => options.log?.warn({ err: error }, 'could not accept a connection'))
          resolve(server.address() as AddressInfo)
        })
      })
    },
    renew: (identity) => secure?.server.setSecureContext(identity),
    async close({ timeoutMs, lameDuckMs = 0 }) {
      draining = true
      unread?.stop()
      for (const socket of sockets) askToClose(socket)
      if (lameDuckMs > 0) await wait(lameDuckMs)
      // Also closes the connections that are idle between two requests.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // Node takes a connection that never sent a byte for one that is about to.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
      secure?.abandonHandshakes()
      // An answer whose head was out before the drain began could not ask its client to close.
      const sweep = setInterval(() => server.closeIdleConnections(), 50)
      let cut = 0
      const deadline = setTimeout(() => {
        cut = sockets.size
        server.closeAllConnections()
        // Node knows no more of those that were upgraded.
        for (const socket of sockets) socket.destroy()
      }, timeoutMs)
      await closed
      clearInterval(sweep)
      clearTimeout(deadline)
      return cut
    },
  }
}

/** Over TLS; it says itself that it speaks both versions of HTTP, and which it is the first bytes show, as they do without TLS. */
function secureServer(options: ServerOptions, plainToo: boolean) {
  const server: TlsServer = createTlsServer({ ...options, ALPNProtocols: ['h2', 'http/1.1'] })
  // What is plain goes on as if its handshake were over.
  if (plainToo)
    divert(server, 'connection', options.handshakeTimeout!, beginsInClear, (socket) => {
      server.emit('secureConnection', socket)
      process.nextTick(() => socket.resume())
    })
  // Node's own answer to what is no TLS is an HTTP error, of which the client could read nothing.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (_, socket) => socket.destroy())
  const shakingHands = new Map<string, Socket>()
  const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket)
    shakingHands.set(name, socket)
    socket.once('close', () => shakingHands.delete(name))
  })
  return {
    server,
    /** Its handshake is over, whatever it goes on to speak. */
    established: (socket: Socket) => shakingHands.delete(nameOf(socket)),
    /** They ask for nothing yet, and Node would wait for them. */
    abandonHandshakes() {
      for (const socket of shakingHands.values()) socket.destroy()
    },
  }
}

const PREFACE = Buffer.from('PRI * HTTP/2.0')

/** A client of HTTP/2 sends its preface at once (RFC 9113, 3.3), whole, as it is shorter than any segment. */
const beginsHttp2 = (first: Buffer) => first.subarray(0, PREFACE.length).equals(PREFACE)

/** The first byte of TLS says that a handshake follows (RFC 8446, 5.1). */
const beginsInClear = (first: Buffer) => first[0] !== 0x16

/** Looks at the first bytes of each connection before its server does; those that are `meant` go elsewhere. */
function divert(
  server: Server,
  opened: string,
  firstByteTimeoutMs: number,
  meant: (first: Buffer) => boolean,
  take: (socket: Socket) => void,
): void {
  const usual = server.listeners(opened) as ((socket: Socket) => void)[]
  server.removeAllListeners(opened)
  server.on(opened, (socket: Socket) => {
    const abandon = () => socket.destroy()
    socket.once('error', abandon)
    socket.setTimeout(firstByteTimeoutMs, abandon)
    socket.once('data', (first: Buffer) => {
      socket.off('error', abandon)
      socket.off('timeout', abandon)
      socket.setTimeout(0)
      // Neither protocol reads on before its turn.
      socket.pause()
      socket.unshift(first)
      if (meant(first)) return take(socket)
      for (const one of usual) one.call(server, socket)
      process.nextTick(() => socket.resume())
    })
  })
}

/** Node reads no request after one that asks for another protocol. */
function answerOnce(req: IncomingMessage, socket: Socket, handle: RequestHandler): void {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket)
  res.once('finish', () => socket.end())
  void handle(req, res)
}

/** How many pipelined requests of a connection are worked on before it is their turn to be answered. */
const WORKED_AHEAD = 3
/** When so many wait for their turn, no more are read. */
const MAX_PIPELINED = 8

/** The answer under way on this socket, if there is one, will say `Connection: close`. Costs requests nothing until then. */
function askToClose(socket: Socket): void {
  const answer = (socket as { _httpMessage?: ServerResponse })._httpMessage
  if (answer && !answer.headersSent) answer.setHeader('connection', 'close')
}
