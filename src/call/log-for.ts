import type { Context, Log } from './call.ts'

/** A log whose lines carry the ids of a request. A trace that nobody has asked for is made with the first of them. */
export function logFor(request: Pick<Context, 'requestId' | 'trace'>, log: Log): Log {
  return {
    debug: (about, message) => log.debug({ ...idsOf(request), ...about }, message),
    info: (about, message) => log.info({ ...idsOf(request), ...about }, message),
    warn: (about, message) => log.warn({ ...idsOf(request), ...about }, message),
    error: (about, message) => log.error({ ...idsOf(request), ...about }, message),
  }
}

/** What the lines about a request have in common. */
export function idsOf({ requestId, trace }: Pick<Context, 'requestId' | 'trace'>) {
  return { requestId, ...(trace && { traceId: trace.traceId }) }
}
