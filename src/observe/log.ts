import { isatty } from 'node:tty'
import { type Bindings, type Logger, pino } from 'pino'
import { linesOn } from './lines.ts'
import { loggedError } from './logged-error.ts'
import { masked } from './mask.ts'

export type Log = Logger

export interface LogOptions {
  /** A file descriptor; stdout. */
  readonly fd?: number
  /** The number of this process among those of one machine that write there; in each line. */
  readonly worker?: number | undefined
}

/**
 * JSON lines on a file descriptor, stdout unless told otherwise; pretty on a terminal. Secrets that stray into a record
 * are masked (R-OPS-3). Lines are written at once: none is lost when the process exits.
 */
export async function createLog(level: string, { fd = 1, worker }: LogOptions = {}): Promise<Log> {
  const options = {
    level,
    base: worker === undefined ? null : { worker },
    formatters: { log: masked },
    serializers: { err: loggedError },
  }
  if (!isatty(fd)) {
    const lines = linesOn(fd, { shared: worker !== undefined })
    return withMaskedChildren(pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, lines))
  }
  const { default: pretty } = await import('pino-pretty')
  const look = {
    colorize: !process.env.NO_COLOR,
    translateTime: 'HH:MM:ss.l',
    singleLine: true,
    // The message has it, for people.
    ignore: 'url',
  }
  return withMaskedChildren(pino(options, pretty({ ...look, destination: fd, sync: true })))
}

/** What all lines of a child carry goes past the formatters; a child's own children find this one by their prototype. */
function withMaskedChildren(log: Log): Log {
  const { child } = log
  log.child = function (this: Log, bindings: Bindings, options?: object) {
    return child.call(this, masked(bindings), options)
  } as Log['child']
  return log
}

/** For commands, whose answer is what stdout is for. */
export const STDERR = 2
