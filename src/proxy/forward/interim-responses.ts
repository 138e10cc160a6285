/** What is used of undici's Pool: it tells of each connection, with all that hold it, the innermost last. */
interface Pool {
  on(event: 'connect', listener: (origin: URL, targets: readonly object[]) => void): unknown
}

/** undici's parser of one connection. It asks this for each head; a negative number ends the connection as broken. */
interface Parser {
  onHeadersComplete(status: number, upgrade: boolean, keepAlive: boolean): number
}

/**
 * Corrects what undici 7 makes of some status lines. It takes `100 Continue` for a broken answer, though a server may send it
 * to anybody (RFC 9110 15.2.1): to undici it is shown as 102, which is skipped as every interim response is. And it takes
 * for an answer what is none: 999, or a 101 that nobody asked for.
 *
 * There is no public way: of the parser nothing but its symbol's name is known. Without it undici does what it does, and a test fails.
 */
export function correctStatuses(pool: Pool): void {
  // Emitted when a connection has its parser, and before the first request is on it.
  pool.on('connect', (_origin, targets) => {
    const parser = hidden(hidden(targets.at(-1), 'socket'), 'parser') as Parser | undefined
    if (parser === undefined) return
    const complete = parser.onHeadersComplete
    parser.onHeadersComplete = function (status, upgrade, keepAlive) {
      if (status < 100 || status === 101 || status > 599) return -1
      return complete.call(this, status === 100 ? 102 : status, upgrade, keepAlive)
    }
  })
}

/** The value of a symbol, by its description. */
function hidden(object: unknown, description: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined
  const symbol = Object.getOwnPropertySymbols(object).find((one) => one.description === description)
  return symbol && (object as Record<symbol, unknown>)[symbol]
}
