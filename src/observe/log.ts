import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type Log = Logger

/** JSON lines on stdout; pretty on a terminal. Secrets that stray into a record are masked (R-OPS-3). */
export function createLog(level: string): Log {
  const options = { level, base: null, redact: { paths: SECRETS, censor: '[masked]' } }
  return process.stdout.isTTY
    ? pino(options, pretty({ colorize: !process.env.NO_COLOR, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' }))
    : pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime })
}

const NAMES = ['password', 'currentPassword', 'passwordHash', 'accessToken', 'refreshToken', 'authorization', 'cookie']
const SECRETS = NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
