/** What was found of one thing that a system needs. */
export interface Finding {
  readonly about: string
  readonly well: boolean
  /** What is there; of what is wrong also what to do. */
  readonly says: string
}
