import { inject } from 'vitest'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'

/** A database of its own for a test file, with the tables of Lintel and of a reference service. */
export async function serviceClone(name: string): Promise<Clone> {
  const server = inject('databaseServer')
  const migrations = new URL(`../services/${name}/migrations/`, import.meta.url)
  return cloneOf(server, await templateFor(server, { contract: { name }, migrations }))
}
