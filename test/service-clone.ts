import { inject } from 'vitest'
import orders from '../services/orders/service.ts'
import users from '../services/users/service.ts'
import type { Service } from '../src/service/implement.ts'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'

/** A database of its own for a test file, with the tables of Lintel and of a reference service. */
export async function serviceClone(name: string): Promise<Clone> {
  const server = inject('databaseServer')
  return cloneOf(server, await templateFor(server, serviceNamed(name)))
}

function serviceNamed(name: string): Service<any> {
  const service = [users, orders].find(({ contract }) => contract.name === name)
  if (service === undefined) throw new Error(`no reference service is named "${name}"`)
  return service
}
