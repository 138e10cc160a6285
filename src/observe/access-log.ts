import { isatty } from 'node:tty'
import { linesOn } from './lines.ts'
import type { Log } from './log.ts'

/** What was asked and how it went. Nothing of a path or a query but its template: they may hold secrets. */
export interface Access {
  /** Undefined of what never became a request; then there is no trace either. */
  readonly method: string | undefined
  /** Undefined where nothing is routed. */
  readonly template: string | undefined
  readonly status: number
  readonly ms: number
  /** Id of a user, name of a service; undefined for nobody in particular. */
  readonly caller: string | undefined
  readonly requestId: string
  readonly traceId: string | undefined
}

export const ACCESS_LOGS = ['off', 'errors', 'all'] as const
export type AccessLog = (typeof ACCESS_LOGS)[number]

/**
 * Writes a line per request (R-OPS-3), or only of answers from 400 on. Undefined where nothing is to be written: then nothing
 * is made for it either. Lines have the level info.
 */
export function createAccessLog(mode: AccessLog, log: Log, fd = 1): ((access: Access) => void) | undefined {
  if (mode === 'off' || !log.isLevelEnabled('info')) return undefined
  const write = isatty(fd) ? prettyLines(log) : jsonLines(fd, log)
  return mode === 'all' ? write : (access) => access.status >= 400 && write(access)
}

function prettyLines(log: Log): (access: Access) => void {
  return ({ method, template, status, ms, ...rest }) =>
    log.info(rest, `${method ?? '(no request)'} ${template ?? '(no route)'} ${status} in ${tenths(ms)} ms`)
}

/** Lines as pino makes them, but put together by hand, with nothing to mask, and gathered. */
function jsonLines(fd: number, log: Log): (access: Access) => void {
  const lines = linesOn(fd)
  const { worker } = log.bindings()
  const by = worker === undefined ? '' : `,"worker":${worker}`
  return (access) => lines.gather(lineOf(access, by))
}

/** In the method, the request id and the trace id nothing needs an escape: the gateway takes no others. */
function lineOf({ method, template, status, ms, caller, requestId, traceId }: Access, by: string): string {
  const how = method === undefined ? '' : `,"method":"${method}"`
  const where = template === undefined ? '' : `,"template":${JSON.stringify(template)}`
  const who = caller === undefined ? '' : `,"caller":${JSON.stringify(caller)}`
  const trace = traceId === undefined ? '' : `,"traceId":"${traceId}"`
  return `{"level":30,"time":"${timeOf(Date.now())}"${by}${how}${where},"status":${status},"ms":${tenths(ms)}${who},"requestId":"${requestId}"${trace},"msg":"request"}\n`
}

let lastMs = Number.NaN
let lastTime = ''

/** Several requests end in the same millisecond, and the text of a time costs half as much as the rest of a line. */
function timeOf(nowMs: number): string {
  if (nowMs !== lastMs) {
    lastMs = nowMs
    lastTime = new Date(nowMs).toISOString()
  }
  return lastTime
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
