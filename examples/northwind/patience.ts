import { setTimeout as rest } from 'node:timers/promises'
import { type Backoff, CallProblem, fullJitterMs, type Port } from 'lintel/call'
import { ImportError } from './import-error.ts'
import type { Settings } from './settings.ts'

/** What waiting needs to know of the rest of the import. */
export interface Watch {
  /** Aborts when the import is to stop: nothing is tried again then. */
  readonly stop: AbortSignal
  /** Tells whoever is watching. */
  note(text: string): void
}

const BACKOFF: Backoff = { baseMs: 100, maxMs: 2_000 }
/** How often an answer 500 is taken for that of a server which is just ending. */
const TRIES_AFTER_500 = 3

/**
 * Waits out what passes: a server that restarts, an upstream that is down, a limit. Every call is sent again, a POST
 * without an idempotency key too: who makes it can tell a thing that exists already from a new one. When no call at all
 * has succeeded for `patienceMs`, it is an ImportError.
 */
export function patient(port: Port, { url, patienceMs }: Settings, { stop, note }: Watch): Port {
  let failingSince: number | undefined
  let said: 'limited' | 'down' | undefined

  const endure = (trouble: Trouble, waitMs: number) => {
    if (trouble.kind === 'limited') {
      // It answers, and says when it will do what is asked: nothing fails.
      failingSince = undefined
      if (said !== 'limited')
        note('The system limits its callers, so this takes longer. Started with RATE_LIMIT_MAX=100000 it would not.')
      said = 'limited'
      return
    }
    failingSince ??= performance.now()
    if (performance.now() + waitMs - failingSince > patienceMs) throw gaveUp(trouble, url, patienceMs)
    if (trouble.kind === 'down' && said === undefined) {
      note(`${trouble.reason}. Trying for ${patienceMs / 1000} s.`)
      said = 'down'
    }
  }
  const recover = () => {
    failingSince = undefined
    if (said !== 'down') return
    note('The system answers again.')
    said = undefined
  }

  return async (call) => {
    for (let attempt = 0; ; attempt++) {
      try {
        const reply = await port(call)
        recover()
        return reply
      } catch (error) {
        if (!(error instanceof CallProblem)) throw error
        const trouble = troubleOf(error, attempt)
        if (!trouble) {
          recover()
          throw error
        }
        const waitMs = (trouble.retryAfterS ?? 0) * 1000 + fullJitterMs(attempt, BACKOFF)
        endure(trouble, waitMs)
        await rest(waitMs, undefined, { signal: stop }).catch(() => stop.throwIfAborted())
      }
    }
  }
}

/** Something that may pass. */
interface Trouble {
  readonly kind: 'limited' | 'down' | 'busy'
  readonly reason: string
  readonly retryAfterS: number | undefined
}

function troubleOf({ stage, status, code, message, retryAfterS }: CallProblem, attempt: number): Trouble | undefined {
  if (stage !== 'answered') return { kind: 'down', reason: message, retryAfterS: undefined }
  const trouble = { reason: `The system answers ${status} ${code}`, retryAfterS }
  if (status === 429) return { kind: 'limited', ...trouble }
  if (code === 'IDEMPOTENCY_IN_PROGRESS') return { kind: 'busy', ...trouble }
  if (status === 502 || status === 503 || status === 504) return { kind: 'down', ...trouble }
  return status === 500 && attempt < TRIES_AFTER_500 ? { kind: 'down', ...trouble } : undefined
}

function gaveUp({ reason }: Trouble, url: string, patienceMs: number): ImportError {
  return new ImportError(
    `${reason}\nThe system at ${url} has not answered for ${patienceMs / 1000} s: start it (npm start), then run this again. What is in stays in.`,
    1,
  )
}
