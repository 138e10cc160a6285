import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '../base/errors.ts'
import { answerClientError, refuseConnect } from './client-error.ts'
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
  log?: Log
}

export interface HttpServer {
  /** Begins to accept connections; port 0 picks a free one. Throws Faults PORT_TAKEN, PORT_FORBIDDEN, HOST_UNKNOWN. */
  listen(address: { host: string; port: number }): Promise<AddressInfo>
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
  const server = createServer({
    maxHeaderSize: options.maxHeaderBytes ?? 16 * 1024,
    headersTimeout: options.headersTimeoutMs ?? 10_000,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 72_000,
    connectionsCheckingInterval: options.timeoutCheckMs ?? 2_000,
    // Finds out about peers that vanished without a word.
    keepAlive: true,
    insecureHTTPParser: false,
    // Node's own refusal has no envelope: checkFraming refuses.
    requireHostHeader: false,
  })
  // Beyond 2,000 headers Node drops the rest in silence, an Authorization among them; their size bounds them already.
  server.maxHeadersCount = 0

  let draining = false
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
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
    if (isEnding(req.socket)) return
    if (draining) res.setHeader('connection', 'close')
    void handle(req, res)
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
  server.on('connect', (_req, socket) => refuseConnect(socket as Socket))
  server.on('clientError', (error, socket) => answerClientError(error, socket as Socket))

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
    async close({ timeoutMs, lameDuckMs = 0 }) {
      draining = true
      unread?.stop()
      for (const socket of sockets) askToClose(socket)
      if (lameDuckMs > 0) await wait(lameDuckMs)
      // Also closes the connections that are idle between two requests.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // Node takes a connection that never sent a byte for one that is about to.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
      // An answer whose head was out before the drain began could not ask its client to close.
      const sweep = setInterval(() => server.closeIdleConnections(), 50)
      let cut = 0
      const deadline = setTimeout(() => {
        cut = sockets.size
        server.closeAllConnections()
      }, timeoutMs)
      await closed
      clearInterval(sweep)
      clearTimeout(deadline)
      return cut
    },
  }
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

/** Exit code 1: the settings may be right, and the machine not. */
function listenFault(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  const fault = (code: string, message: string) => new Fault(code, message, { cause: error, exitCode: 1 })
  switch (error.code) {
    case 'EADDRINUSE':
      return fault('PORT_TAKEN', `Port ${port} is taken by another process. Stop that one, or set PORT to a free port`)
    case 'EACCES':
      return fault('PORT_FORBIDDEN', `This user may not listen on port ${port}. Set PORT to one above 1023`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fault('HOST_UNKNOWN', `This machine has no address ${host}. Set HOST to one of its own, such as 127.0.0.1`)
    default:
      return error
  }
}
