import type { Id } from 'lintel/service'

/** A product that is ordered; `field` is where the request names it. */
export interface OrderLineInput {
  readonly productId: Id<'prd'>
  readonly quantity: number
  readonly unitPrice?: number | null
  readonly discount?: number | null
  readonly field: string
}
