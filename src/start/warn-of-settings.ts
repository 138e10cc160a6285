import { isLoopback } from '../gateway/this-machine.ts'
import type { Log } from '../observe/log.ts'
import { DEVELOPMENT, type Settings } from './settings.ts'

/** Names for NODE_ENV that nobody takes for development. */
const OTHERS = ['', 'production', 'staging', 'test']

/** Says what an operator may not have meant: development that others can reach, and settings that mean nothing. */
export function warnOfSettings({ production, host, env, warnings }: Settings, log: Log): void {
  for (const warning of warnings) log.warn(warning)
  const { NODE_ENV: mode = '' } = env
  if (production && !OTHERS.includes(mode))
    log.warn(`NODE_ENV is "${mode}": anything but "${DEVELOPMENT}" means production`)
  if (!production && host.toLowerCase() !== 'localhost' && !isLoopback(host))
    log.warn(
      `this is development, and HOST is ${host}: other machines can reach it. Set NODE_ENV=production, or HOST=127.0.0.1`,
    )
}
