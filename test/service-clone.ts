import { inject } from 'vitest'
import { CARRIER_MIGRATIONS } from '../src/data/event-log.ts'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'

/** A database of its own for a test file, with the tables of Lintel and of a reference service, or of the carrier (`events`). */
export async function serviceClone(name: string): Promise<Clone> {
  const server = inject('databaseServer')
  const migrations =
    name === 'events' ? CARRIER_MIGRATIONS : new URL(`../services/${name}/migrations/`, import.meta.url)
  return cloneOf(server, await templateFor(server, { contract: { name }, migrations }))
}
