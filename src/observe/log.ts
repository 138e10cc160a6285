import { isatty } from 'node:tty'
import { type Logger, pino } from 'pino'

export type Log = Logger

/**
 * JSON lines on a file descriptor, stdout unless told otherwise; pretty on a terminal. Secrets that stray into a record
 * are masked (R-OPS-3). Lines are written at once: none is lost when the process exits.
 */
export async function createLog(level: string, fd = 1): Promise<Log> {
  const options = { level, base: null, redact: { paths: SECRETS, censor: '[masked]' } }
  if (!isatty(fd)) return pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(fd))
  const { default: pretty } = await import('pino-pretty')
  const look = {
    colorize: !process.env.NO_COLOR,
    translateTime: 'HH:MM:ss.l',
    singleLine: true,
    // The message has it, for people.
    ignore: 'url',
  }
  return pino(options, pretty({ ...look, destination: fd, sync: true }))
}

/** For commands, whose answer is what stdout is for. */
export const STDERR = 2

const NAMES = ['password', 'currentPassword', 'passwordHash', 'accessToken', 'refreshToken', 'authorization', 'cookie']
const SECRETS = NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
