import { Problem } from '../base/errors.ts'
import type { UserCaller } from './caller.ts'

/** Sessions and role changes of the last 15 minutes, as long as an access token lives, that invalidate access tokens. */
export interface RevocationList {
  /** Sessions that ended. */
  readonly sessions: readonly string[]
  /** Users whose roles changed, with those they have now; of several the last holds. */
  readonly roles: readonly { readonly userId: string; readonly roles: readonly string[] }[]
}

export interface Revocations {
  /** Whether a token, good in itself, must be refused (R-AUTH-4). Cheap: asked on every request. */
  revoked(caller: UserCaller): boolean
  /** Loads the list as it is now, or later; never rejects. */
  refresh(): Promise<void>
  stop(): void
}

export interface RevocationsOptions {
  /** How often the list is loaded; 2,000. Tokens are refused on every replica within this and the time that loading takes. */
  readonly intervalMs?: number
  /** Told of a load that failed, while the list as it was goes on; of those that follow only where the reason is another. */
  readonly warn: (error: unknown) => void
  /** Told when one succeeds again. */
  readonly restored?: () => void
}

/** Keeps the list of revocations fresh, by asking for it again and again. */
export function createRevocations(
  load: () => Promise<RevocationList>,
  { intervalMs = 2000, warn, restored }: RevocationsOptions,
): Revocations {
  let sessions = new Set<string>()
  let roles = new Map<string, readonly string[]>()
  /** Why the last load failed; undefined: it did not. */
  let failure: string | undefined
  let loading: Promise<void> | undefined
  let next: Promise<void> | undefined

  async function reload(): Promise<void> {
    try {
      const list = await load()
      sessions = new Set(list.sessions)
      roles = new Map(list.roles.map((one) => [one.userId, one.roles]))
      if (failure !== undefined) restored?.()
      failure = undefined
    } catch (error) {
      const reason = error instanceof Problem ? error.code : String(error)
      if (reason !== failure) warn(error)
      failure = reason
    } finally {
      loading = undefined
    }
  }

  /** A load under way may have read before the change that is asked for: one more follows, for all who ask meanwhile. */
  function refresh(): Promise<void> {
    if (!loading) {
      loading = reload()
      return loading
    }
    next ??= loading.then(() => {
      next = undefined
      loading ??= reload()
      return loading
    })
    return next
  }

  const timer = setInterval(refresh, intervalMs)
  timer.unref()
  return {
    refresh,
    revoked({ sid, id, roles: held }) {
      if (sessions.has(sid)) return true
      const now = roles.get(id)
      return now !== undefined && (now.length !== held.length || now.some((role) => !held.includes(role)))
    },
    stop: () => clearInterval(timer),
  }
}
