import { Fault } from '../base/errors.ts'
import { dataVersion, type EventSpec, upToDate } from '../contract/event.ts'
import type { CarriedEvent } from '../events/carrier.ts'
import { readHeaders } from '../events/headers.ts'
import { outputCheck } from './shape.ts'

/** Data of an event as its handlers get them. */
export type ReadData = (event: CarriedEvent) => unknown

/**
 * Brings data that were published in an older shape up to the newest (R-EVT-7), which is checked then: what a handler gets is
 * what the contract says.
 *
 * Rejects a newer version than the contract's: the event is tried again, until a process of the build that published it has it.
 */
export function dataReader(type: string, spec: EventSpec): ReadData {
  const newest = dataVersion(spec)
  const check = newest > 1 ? outputCheck(spec.data) : undefined
  return ({ data, headers, aggregateId, occurredAt }) => {
    const value = JSON.parse(data)
    // Most have none, and reading headers takes as long as reading data.
    const { dataVersion: version = 1 } = headers?.includes('dataVersion') ? readHeaders(headers) : {}
    if (version > newest)
      throw new Error(
        `${type} has data of version ${version}, of which this build knows ${newest}: deploy consumers first`,
      )
    if (check === undefined || version === newest) return value
    const current = upToDate(spec, value, version, { aggregateId, timestamp: occurredAt })
    assertKeepsContract(type, check, current)
    return current
  }
}

type Check = ReturnType<typeof outputCheck>

export function assertKeepsContract(type: string, check: Check, value: object): void {
  const breach = breachOf(type, check, value)
  if (breach !== undefined) throw new Fault('EVENT_BREAKS_CONTRACT', breach)
}

/** The same of a job. */
export function assertJobKeepsContract(name: string, check: Check, value: object): void {
  const breach = breachOf(name, check, value)
  if (breach !== undefined) throw new Fault('JOB_BREAKS_CONTRACT', breach)
}

function breachOf(name: string, check: Check, value: object): string | undefined {
  const faults = check(value)
  if (faults.length === 0) return undefined
  return `Data of ${name} breaks its contract: ${faults.map(({ field, message }) => `${field} ${message}`).join('; ')}`
}
