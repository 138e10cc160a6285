import type { ApiDocument } from '../openapi/document.ts'
import type { ApiObject, ApiProperty } from '../openapi/properties.ts'
import type { Spot } from '../openapi/spot.ts'

export type Severity = 'error' | 'warn'

/** One thing that is checked of a document. To add one, add it to the list of its subject in rules/, and to docs/guide/lint-and-diff.md. */
export interface LintRule {
  /** The rule of SPEC.md, and which part of it: `R-REST-1/verb`. */
  readonly id: `R-${string}-${number}/${string}`
  readonly severity: Severity
  /** Why it matters, in one sentence. */
  readonly reason: string
  /** What to do, in one sentence. */
  readonly hint: string
  readonly check: (document: LintedDocument, report: ReportFinding) => void
  /**
   * What to say once, at the top, of a document that breaks the rule nearly everywhere: it has a habit of its own, and a thousand
   * places say no more. Needs `places`.
   */
  readonly habit?: string
  /** How many places there are where the rule could be broken. */
  readonly places?: (document: LintedDocument) => number
}

export interface LintedDocument extends ApiDocument {
  readonly properties: readonly ApiProperty[]
  readonly objects: readonly ApiObject[]
}

/** `message` says what is wrong there: `has the verb "create"`. `also` are places where `x-lintel-allow` counts too. */
export type ReportFinding = (spot: Spot, message: string, also?: readonly Spot[]) => void
