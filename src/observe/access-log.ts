import { isatty } from 'node:tty'
import { pino } from 'pino'
import type { Log } from './log.ts'

/** What was asked and how it went. Nothing of a path or a query but its template: they may hold secrets. */
export interface Access {
  readonly method: string
  /** Undefined where nothing is routed. */
  readonly template: string | undefined
  readonly status: number
  readonly ms: number
  /** Id of a user, name of a service; undefined for nobody in particular. */
  readonly caller: string | undefined
  readonly requestId: string
  readonly traceId: string
}

export const ACCESS_LOGS = ['off', 'errors', 'all'] as const
export type AccessLog = (typeof ACCESS_LOGS)[number]

/**
 * Writes a line per request (R-OPS-3), or only of answers from 400 on. Undefined where nothing is to be written: then nothing
 * is made for it either. Lines have the level info.
 */
export function createAccessLog(mode: AccessLog, log: Log, fd = 1): ((access: Access) => void) | undefined {
  if (mode === 'off' || !log.isLevelEnabled('info')) return undefined
  const write = isatty(fd) ? prettyLines(log) : jsonLines(fd)
  return mode === 'all' ? write : (access) => access.status >= 400 && write(access)
}

function prettyLines(log: Log): (access: Access) => void {
  return ({ method, template, status, ms, ...rest }) =>
    log.info(rest, `${method} ${template ?? '(no route)'} ${status} in ${tenths(ms)} ms`)
}

/**
 * Lines as pino makes them, but put together by hand, with nothing to mask, and all of one turn of the event loop in one
 * write: a write of its own costs more than all the rest of a line.
 */
function jsonLines(fd: number): (access: Access) => void {
  const destination = pino.destination({ dest: fd, sync: true })
  let lines = ''
  const flush = () => {
    const text = lines
    lines = ''
    if (text !== '') destination.write(text)
  }
  process.once('exit', flush)
  return (access) => {
    if (lines === '') setImmediate(flush)
    lines += lineOf(access)
  }
}

function lineOf({ method, template, status, ms, caller, requestId, traceId }: Access): string {
  const where = template === undefined ? '' : `,"template":${JSON.stringify(template)}`
  const who = caller === undefined ? '' : `,"caller":${JSON.stringify(caller)}`
  return `{"level":30,"time":"${new Date().toISOString()}","method":"${method}"${where},"status":${status},"ms":${tenths(ms)}${who},"requestId":"${requestId}","traceId":"${traceId}","msg":"request"}\n`
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
