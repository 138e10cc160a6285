import { Fault } from '../base/errors.ts'
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
  if (!production && isOutside(host))
    log.warn(
      `this is development, and HOST is ${host}: other machines can reach it. Set NODE_ENV=production, or HOST=127.0.0.1`,
    )
}

/**
 * What the internal door takes and gives is proven, and without TLS not encrypted. Fault WRONG_SETTING where other machines reach it so,
 * unless somebody says that the network protects it; in development a warning.
 */
export function checkDoor({ host, production, doorIdentity, doorPlain }: Settings, log: Log): void {
  if (doorPlain === 'both')
    log.warn(
      'LINTEL_DOOR_PLAIN is both: the internal door also takes calls without TLS, which can be read on the way. Unset it once all callers use https://',
    )
  if (!isOutside(host) || doorIdentity !== undefined || doorPlain === 'true') return
  const message = `HOST is ${host}: beyond this machine the internal door is plain HTTP, so the calls between processes, who makes them and their bodies can be read on the way. Set LINTEL_DOOR_CERT and LINTEL_DOOR_KEY, or HOST=127.0.0.1; where a mesh or a private network protects it, LINTEL_DOOR_PLAIN=true`
  if (production) throw new Fault('WRONG_SETTING', message)
  log.warn(message)
}

/** Whether other machines can reach what listens there. */
function isOutside(host: string): boolean {
  return host.toLowerCase() !== 'localhost' && !isLoopback(host)
}
