/** What every call takes beside what its operation asks for. */
export interface CallArgs {
  /** Ends the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that this call may take, attempts and rests together. */
  readonly timeoutMs?: number | undefined
}

/** One page of a list (R-PAGE-3). */
export interface Page<T> {
  data: T[]
  pagination: Pagination
}

export interface Pagination {
  /** Null where `count: 'none'` was asked for. */
  total: number | null
  totalIsEstimate?: true
  /** In page mode only. */
  page?: number
  limit: number
  hasMore: boolean
  nextCursor: string | null
}

/** Rows of a list, page by page as they are asked for. */
export type Rows<T> = AsyncGenerator<T, void, undefined>
