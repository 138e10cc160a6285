import { isInternal } from '../access.ts'
import type { Contract } from '../contract.ts'
import type { Operation } from '../operation.ts'
import { capital, wordsOf } from './schema-names.ts'

/** The groups that a document shows its operations in. */
export interface Tags {
  readonly all: readonly { readonly name: string; readonly description?: string }[]
  of(operation: Operation): string
}

/** A tag for each resource, its key in words; other operations are grouped by what their path begins with. */
export function tagsOf(contracts: readonly Contract[]): Tags {
  const descriptions = new Map<string, string | undefined>()
  const collections = new Map<string, string>()
  for (const { resources } of contracts)
    for (const [key, { plural, parent }] of Object.entries(resources))
      if (!parent) collections.set(plural, titleOf(key))
  const of = ({ key, segments }: Operation) => {
    if (key !== undefined) return titleOf(key)
    const first = segments[0]!.replace(/^\./, '')
    return collections.get(first) ?? titleOf(first)
  }
  for (const operation of contracts.flatMap(({ served }) => served)) {
    if (isInternal(operation.access)) continue
    const tag = of(operation)
    descriptions.set(tag, descriptions.get(tag) ?? operation.resource?.description)
  }
  const all = [...descriptions].map(([name, description]) =>
    description === undefined ? { name } : { name, description },
  )
  return { all, of }
}

function titleOf(key: string): string {
  return capital(wordsOf(key))
}
