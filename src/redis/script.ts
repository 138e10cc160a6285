import { createHash } from 'node:crypto'

/** A Lua script, run by its hash: its text goes over the wire once per server. */
export interface Script {
  readonly source: string
  readonly sha: string
}

export function script(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** The server has not seen the script, or has forgotten it: it was restarted, replaced by a replica, or told SCRIPT FLUSH. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
