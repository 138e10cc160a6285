/** What a line says beside its event. No secrets and no email addresses: an account is named by its id. */
export interface SecurityFacts {
  /** Id of the user whom it concerns; undefined where that is nobody's account, or not known. */
  readonly account?: string | undefined
  /** Who did it: id of a user, or name of a service; undefined for nobody known. */
  readonly by?: string | undefined
  /** Of the client, as limits count clients. */
  readonly address?: string | undefined
  readonly requestId?: string | undefined
  readonly [more: string]: unknown
}

/** Writes a line for each thing that whoever watches over security wants to know (FC-97). */
export interface SecurityLog {
  /** Something was done: level info. */
  done(event: string, facts: SecurityFacts): void
  /** Something was rejected: level warn. */
  rejected(event: string, facts: SecurityFacts): void
  /**
   * Something that strangers can cause as often as they like was rejected. Of each `key`, such as an address, there is one line a
   * minute, and of each event a hundred; how many more there were is said when the minute is over.
   */
  repeated(event: string, key: string, facts: SecurityFacts): void
}

interface Lines {
  info(about: object, message: string): void
  warn(about: object, message: string): void
}

interface SecurityLogOptions {
  readonly windowMs?: number
  /** Lines of one event in a window. */
  readonly maxLines?: number
}

/** Each line has the member `security`, the event: `{"security":"login.failed","address":"192.0.2.1",…}`. */
export function createSecurityLog(
  log: Lines,
  { windowMs = 60_000, maxLines = 100 }: SecurityLogOptions = {},
): SecurityLog {
  const windows = new Map<string, { readonly keys: Set<string>; more: number }>()

  function open(event: string) {
    const opened = { keys: new Set<string>(), more: 0 }
    windows.set(event, opened)
    const end = () => {
      windows.delete(event)
      const { more } = opened
      if (more > 0)
        log.warn({ security: event, more }, `${more} more like this within ${windowMs / 1000} s: ${wordsOf(event)}`)
    }
    setTimeout(end, windowMs).unref()
    return opened
  }

  function rejected(event: string, facts: SecurityFacts): void {
    log.warn({ security: event, ...facts }, wordsOf(event))
  }

  return {
    rejected,
    done: (event, facts) => log.info({ security: event, ...facts }, wordsOf(event)),
    repeated(event, key, facts) {
      const window = windows.get(event) ?? open(event)
      if (window.keys.has(key) || window.keys.size >= maxLines) {
        window.more++
        return
      }
      window.keys.add(key)
      rejected(event, facts)
    },
  }
}

/** For readers: `login failed`. */
function wordsOf(event: string): string {
  return event.replace(/[.-]/g, ' ')
}
