/** A product that is ordered; `field` is where the request names it. */
export interface OrderLineInput {
  readonly productId: string
  readonly quantity: number
  readonly unitPrice?: number | null
  readonly discount?: number | null
  readonly field: string
}
