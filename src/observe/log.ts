import { type Logger, pino } from 'pino'

export type Log = Logger

/** JSON lines on stdout; pretty on a terminal. Secrets that stray into a record are masked (R-OPS-3). */
export async function createLog(level: string): Promise<Log> {
  const options = { level, base: null, redact: { paths: SECRETS, censor: '[masked]' } }
  if (!process.stdout.isTTY) return pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime })
  const { default: pretty } = await import('pino-pretty')
  return pino(options, pretty({ colorize: !process.env.NO_COLOR, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' }))
}

const NAMES = ['password', 'currentPassword', 'passwordHash', 'accessToken', 'refreshToken', 'authorization', 'cookie']
const SECRETS = NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
