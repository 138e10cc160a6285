import helpdeskSystem from '../../examples/helpdesk/system.ts'
import notesSystem from '../../examples/notes/system.ts'
import { openapi } from '../../src/contract/documents/openapi.ts'
import type { OpenApiDocument } from '../../src/contract/documents/openapi-types.ts'
import { contractsOf, type System } from '../../src/start/system.ts'
import referenceSystem from '../../system.ts'

/** The OpenAPI documents of our own systems. */
export const reference = documentOf(referenceSystem)
export const helpdesk = documentOf(helpdeskSystem)
export const notes = documentOf(notesSystem)

function documentOf(system: System): () => OpenApiDocument {
  return () => openapi(contractsOf(system))
}
