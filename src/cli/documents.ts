import { join } from 'node:path'
import { asyncapiFiles, type DocumentFile, openapiFiles } from '../contract/documents/document-files.ts'
import type { System } from '../start/system.ts'
import { filesLeft, type GeneratedFile, settleFiles } from './generated-files.ts'
import { loadSystem } from './load-system.ts'

export type DocumentKind = 'openapi' | 'asyncapi'

const KINDS = {
  /** `v1.json` and `orders/v1.json`. */
  openapi: { filesOf: openapiFiles, name: /^([^/]+\/)?v\d+\.json$/ },
  /** `events.json` and `orders/events.json`. */
  asyncapi: { filesOf: asyncapiFiles, name: /^([^/]+\/)?events\.json$/ },
} satisfies Record<DocumentKind, { filesOf: typeof openapiFiles; name: RegExp }>

/**
 * Writes the documents of the whole system and of each service, of every version. With `check` nothing is written: it ends with 1
 * where a file is not what its contract says, or is of no contract.
 */
export async function documentsCommand(
  kind: DocumentKind,
  file: string,
  { out, check }: { out: string; check: boolean },
): Promise<void> {
  const files = documentFiles(kind, await loadSystem(file), out)
  settleFiles(files, { command: kind, check, left: filesLeft(out, KINDS[kind].name, files) })
}

export function documentFiles(
  kind: DocumentKind,
  { name, version, about = {}, services }: System,
  out: string,
): GeneratedFile[] {
  const contracts = services.map(({ contract }) => contract)
  const files: DocumentFile[] = KINDS[kind].filesOf(contracts, { title: name, about, systemVersion: version })
  return files.map(({ path, text }) => ({ path: join(out, path), text }))
}
