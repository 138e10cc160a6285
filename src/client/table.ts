import { Fault } from '../base/errors.ts'
import { isInternal } from '../contract/access.ts'
import type { AnyContract } from '../contract/contract.ts'
import type { Operation } from '../contract/operation.ts'
import { isWellKnown } from '../contract/well-known.ts'
import type { Table } from './connect.ts'

/**
 * What a client has to know of contracts to call them, as plain JSON: method, path and marks of each operation, by its name. Fields,
 * rules and whatever is internal are not in it. Each service's newest version, or `version` of the API.
 */
export function tableOf(contracts: readonly AnyContract[], version?: number): Table {
  const table: Record<string, string | Record<string, string>> = {}
  for (const contract of contracts) {
    for (const operation of contract.served as readonly Operation[]) {
      const { key, name } = operation
      if (operation.route !== undefined || isInternal(operation.access)) continue
      const entry = entryOf(operation, Math.min(version ?? contract.latest, contract.latest))
      const there = table[key ?? name]
      if (key === undefined && there === undefined) table[name] = entry
      else if (key !== undefined && typeof there !== 'string' && there?.[name] === undefined)
        table[key] = { ...there, [name]: entry }
      else throw new Fault('AMBIGUOUS_NAME', `A client has one "${key ?? name}", but ${operation.id} is another`)
    }
  }
  return table
}

function entryOf(operation: Operation, version: number): string {
  const { method, path, credentials, facts } = operation
  const at = isWellKnown(path) ? path : `/v${version}${path}`
  const marks = credentials === 'own' ? ['own', ...sessionMark(operation)] : facts.keepsAnswers ? ['key'] : []
  return [method, at, ...marks].join(' ')
}

/** What an operation means for a session, which its fields tell: it begins one, goes on with it, or ends it. */
function sessionMark(operation: Operation): string[] {
  const takes = takesRefreshToken(operation)
  if (operation.answer?.accessToken !== undefined) return [takes ? 'refreshes' : 'begins']
  return takes ? ['ends'] : []
}

/** A client that keeps tokens gives it by itself. */
export function takesRefreshToken({ credentials, body }: Operation): boolean {
  return credentials === 'own' && body?.refreshToken !== undefined
}
