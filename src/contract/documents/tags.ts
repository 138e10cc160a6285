import type { Contract } from '../contract.ts'
import type { Operation } from '../operation.ts'
import { capital, wordsOf } from './schema-names.ts'

export interface Tag {
  readonly name: string
  readonly description: string
}

/** The groups that a document shows its operations in, collected while it is made. */
export interface Tags {
  /** The name of the group of an operation. */
  of(operation: Operation): string
  /** Every group that was asked for, in order. */
  all(): Tag[]
}

/** A tag for each resource, its key in words; other operations are grouped by what their path begins with. */
export function tagsOf(contracts: readonly Contract[]): Tags {
  const collections = new Map<string, string>()
  for (const { resources } of contracts)
    for (const [key, { plural, parent }] of Object.entries(resources))
      if (!parent) collections.set(plural, titleOf(key))
  const nameOf = ({ key, segments }: Operation) => {
    if (key !== undefined) return titleOf(key)
    const first = segments[0]!.replace(/^\./, '')
    return collections.get(first) ?? titleOf(first)
  }
  const descriptions = new Map<string, { own: string | undefined; service: string }>()
  return {
    of: (operation) => {
      const name = nameOf(operation)
      const { own, service } = descriptions.get(name) ?? { own: undefined, service: operation.service }
      descriptions.set(name, { own: own ?? operation.resource?.description, service })
      return name
    },
    all: () =>
      [...descriptions].map(([name, { own, service }]) => ({
        name,
        description: own ?? `Offered by the service \`${service}\`.`,
      })),
  }
}

function titleOf(key: string): string {
  return capital(wordsOf(key))
}
