/** A rule that a contract breaks (R-P-6). */
export interface Violation {
  /** The rule's id in the specification: `R-REST-1`. */
  readonly rule: string
  readonly where: string
  readonly message: string
  readonly hint: string
}

export type Report = (rule: string, where: string, message: string, hint: string) => void
