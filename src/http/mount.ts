import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { Problem } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import { hasBody } from './framing.ts'
import type { Log } from './log.ts'
import { problemAnswer } from './problem-answer.ts'
import { respond } from './respond.ts'
import type { CloseOptions, HttpServer, RequestHandler } from './server.ts'

/** A handler for the server of another, with an end of its own. */
export interface Mount extends Pick<HttpServer, 'close'> {
  readonly handler: RequestHandler
}

/**
 * Serves requests that the server of another has accepted. It may stand below a path, `prefix`: hosts that leave that in the URL,
 * as node:http does, and those that take it away, as Express does, are both fine.
 *
 * A body that a parser of the host has read is not there any more: the request is answered with 500, and the log says what to do.
 */
export function createMount(handle: RequestHandler, { prefix = '', log }: { prefix?: string; log: Log }): Mount {
  const underWay = new Set<ServerResponse>()
  let closing = false
  let closed = false

  const handler: RequestHandler = (req, res) => {
    if (closed)
      return refuse(req, res, new Problem('SERVICE_UNAVAILABLE', 'The server is stopping', { retryAfterS: 1 }))
    if (req.readableDidRead && hasBody(req)) {
      log.error({ url: req.url }, READ_ALREADY)
      return refuse(req, res, new Problem('INTERNAL_ERROR'))
    }
    if (closing) res.setHeader('connection', 'close')
    const { url = '/', originalUrl = url } = req as IncomingMessage & { readonly originalUrl?: string }
    // The page there refers to what is below it.
    if (prefix !== '' && originalUrl.split('?', 1)[0] === prefix && READS.includes(req.method!))
      return respond(req, res, 308, ['location', `${prefix}/${originalUrl.slice(prefix.length)}`], undefined)
    // Who takes the prefix away leaves it here: taken away again, a path below it would be another.
    if (originalUrl === url) req.url = below(prefix, url)
    underWay.add(res)
    res.once('close', () => underWay.delete(res))
    return handle(req, res)
  }

  return {
    handler,
    async close({ timeoutMs, lameDuckMs = 0 }: CloseOptions) {
      closing = true
      for (const res of underWay) if (!res.headersSent) res.setHeader('connection', 'close')
      if (lameDuckMs > 0) await wait(lameDuckMs)
      closed = true
      const deadline = AbortSignal.timeout(timeoutMs)
      const ended = [...underWay].map((res) => new Promise((resolve) => res.once('close', resolve)))
      await Promise.race([Promise.all(ended), new Promise((resolve) => deadline.addEventListener('abort', resolve))])
      const cut = underWay.size
      for (const res of underWay) res.destroy()
      return cut
    },
  }
}

function refuse(req: IncomingMessage, res: ServerResponse, problem: Problem): void {
  const { accept } = req.headers
  const requestId = newId('req')
  const told = { requestId, accept, problems: undefined, allow: undefined, log: undefined }
  const { status, headers, body } = problemAnswer(problem, told)
  respond(req, res, status, ['x-request-id', requestId, 'connection', 'close', ...headers], body)
}

const READS = ['GET', 'HEAD']
const READ_ALREADY =
  'the body of a request was read before it came here: mount the handler before body parsers such as express.json(), and in Fastify where removeAllContentTypeParsers() was called'

/** The target without the prefix, if it has it. */
function below(prefix: string, url: string): string {
  if (prefix === '' || !url.startsWith(prefix)) return url
  const rest = url.slice(prefix.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : url
}
