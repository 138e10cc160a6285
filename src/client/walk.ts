import type { Page, Rows } from './page.ts'

/** Rows that a walk asks for at a time: the most that a list gives (R-PAGE-1). */
const WALK_LIMIT = 100

/** Of whatever call. */
export interface AnyArgs {
  readonly params?: unknown
  readonly query?: unknown
  readonly body?: unknown
  readonly ifMatch?: unknown
  readonly idempotencyKey?: unknown
  readonly [name: string]: unknown
}

/** Every row of a list by cursor. It holds one page at a time, and asks for the next when its last row was taken. */
export async function* walk(list: (args: AnyArgs) => Promise<unknown>, args: AnyArgs = {}): Rows<unknown> {
  const query = { limit: WALK_LIMIT, ...(args.query as object), count: 'none' }
  let cursor: string | undefined
  do {
    const { data, pagination } = (await list({ ...args, query: { ...query, cursor } })) as Page<unknown>
    yield* data
    cursor = pagination.nextCursor ?? undefined
  } while (cursor !== undefined)
}
