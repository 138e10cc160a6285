import { Problem } from '../base/errors.ts'

/** What keeps a database from being of use although its server answers: a full disk, say. */
export interface Outage {
  /** What failed last, until a transaction has committed or a minute has passed without a failure: `the disk is full`. */
  readonly reason: string | undefined
  /** Why nothing may be written any more: it would not be there after a restart. */
  readonly lost: string | undefined
  /** Notes the failure of a statement, if it is one of the server's machine. */
  note(error: unknown): void
  /** A transaction has committed. */
  over(): void
}

const REMEMBERED_MS = 60_000

export function createOutage({
  lost = () => undefined,
  now = () => performance.now(),
}: {
  lost?: (() => string | undefined) | undefined
  now?: () => number
} = {}): Outage {
  let last: { reason: string; untilMs: number } | undefined
  return {
    get reason() {
      return last !== undefined && now() < last.untilMs ? last.reason : undefined
    },
    get lost() {
      return lost()
    },
    note(error) {
      const reason = reasonOf(error)
      if (reason !== undefined) last = { reason, untilMs: now() + REMEMBERED_MS }
    },
    over() {
      last = undefined
    },
  }
}

/** Insufficient resources (53) and system errors (58). Too many connections is not among them: that is only a queue. */
const REASONS: Readonly<Record<string, string>> = {
  '53100': 'the disk is full',
  '53200': 'the server is out of memory',
  '53400': 'a limit of the server is exceeded',
  '58030': 'the disk cannot be read or written',
  '58P01': 'a file of the database is missing',
}

function reasonOf(error: unknown): string | undefined {
  const { code } = ((error instanceof Problem ? error.cause : error) ?? {}) as { code?: unknown }
  if (typeof code !== 'string') return undefined
  return REASONS[code] ?? (/^58...$/.test(code) ? 'the system of the server failed' : undefined)
}
