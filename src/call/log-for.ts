import type { Log } from './call.ts'

/** A log whose lines carry the id of a request. */
export function logFor(requestId: string, log: Log): Log {
  return {
    debug: (about, message) => log.debug({ requestId, ...about }, message),
    info: (about, message) => log.info({ requestId, ...about }, message),
    warn: (about, message) => log.warn({ requestId, ...about }, message),
    error: (about, message) => log.error({ requestId, ...about }, message),
  }
}
