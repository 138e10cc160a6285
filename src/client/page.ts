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
