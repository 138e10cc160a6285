import type { ApiDocument } from '../../openapi/document.ts'
import type { ReportChange, SchemaComparison } from '../compare-schemas.ts'

/** What is told to each part of a comparison. */
export interface RestComparison {
  readonly old: ApiDocument
  readonly now: ApiDocument
  readonly schemas: SchemaComparison
  readonly report: ReportChange
}
