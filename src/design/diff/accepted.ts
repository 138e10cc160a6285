import { nearestName } from '../../base/known-names.ts'
import { inWords } from '../../contract/known-members.ts'
import { isFields } from '../openapi/spot.ts'
import type { Change } from './change.ts'
import { KINDS } from './kinds.ts'

/** Whether a change was decided upon, and why. */
export type Accepted = (change: Change) => boolean

/**
 * Reads a list of changes that are wanted although they break somebody:
 *
 *     accept:
 *       - change: read-property-removed
 *         where: GET /users 200 data[].role      # as it is printed; * for anything
 *         reason: nobody has asked for it since March
 *
 * An Error names the member that is wrong, and says what was expected.
 */
export function readAccepted(value: unknown): Accepted {
  if (value === null || value === undefined) return () => false
  if (!isFields(value) || !Array.isArray(value.accept) || Object.keys(value).length > 1)
    throw new Error('must be an object with the list `accept`')
  const accepted = value.accept.map(readOne)
  return ({ kind, where }) => accepted.some((one) => one.change === kind && one.where.test(where))
}

function readOne(one: unknown, i: number): { change: string; where: RegExp } {
  const at = `accept[${i}]`
  if (!isFields(one)) throw new Error(`${at} must be an object with change, where and reason`)
  const { change, where, reason } = one
  if (typeof change !== 'string' || !Object.hasOwn(KINDS, change)) {
    const nearest = typeof change === 'string' ? nearestName(change, Object.keys(KINDS)) : undefined
    throw new Error(
      `${at}.change is ${inWords(change)}: ${nearest ? `did you mean ${nearest}?` : 'give the name of a change, as it is printed'}`,
    )
  }
  if (typeof where !== 'string' || where === '')
    throw new Error(`${at}.where is ${inWords(where)}: give the place, as it is printed`)
  if (typeof reason !== 'string' || reason.trim() === '') throw new Error(`${at} has no reason: say why, in a sentence`)
  const parts = where.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return { change, where: new RegExp(`^${parts.join('.*')}$`) }
}
