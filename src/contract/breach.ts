/** What a contract says against a rule (R-P-6). */
export interface Breach {
  /** The rule's id in the specification: `R-REST-1`. */
  readonly rule: string
  readonly where: string
  readonly message: string
  readonly hint: string
}

export type Say = (rule: string, where: string, message: string, hint: string) => void
