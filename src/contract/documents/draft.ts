import type { Contract } from '../contract.ts'
import { type OperationIds, operationIdsOf } from './operation-ids.ts'
import { type SchemaNames, schemaNames } from './schema-names.ts'
import { type Shared, shared } from './shared.ts'
import { type Tags, tagsOf } from './tags.ts'

/** A document in the making: what each part of it has to know. */
export interface Draft {
  readonly version: number
  /** When this version was deprecated, and when it ends; dates as the contracts write them. */
  readonly deprecated: string | undefined
  readonly sunset: string | undefined
  readonly names: SchemaNames
  readonly operationIds: OperationIds
  readonly tags: Tags
  readonly shared: Shared
}

/** Names and dates are those of the whole system, in the document of one of its services too. */
export function draftOf(contracts: readonly Contract[], version: number): Draft {
  const names = schemaNames(contracts)
  return {
    version,
    deprecated: earliest(contracts, version, 'deprecated'),
    sunset: earliest(contracts, version, 'sunset'),
    names,
    operationIds: operationIdsOf(contracts, names),
    tags: tagsOf(contracts),
    shared: shared(contracts, names),
  }
}

/** A version is the whole API's: where several contracts say when it ends, the first to end speaks for all (R-VER-3). */
function earliest(contracts: readonly Contract[], version: number, which: 'deprecated' | 'sunset'): string | undefined {
  return contracts
    .flatMap(({ older }) => older[version]?.[which] ?? [])
    .sort((a, b) => Date.parse(a) - Date.parse(b))
    .at(0)
}
