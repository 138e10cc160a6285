import { callerKey } from '../auth/caller.ts'
import type { FieldFault } from '../base/errors.ts'
import type { ServicePort } from '../call/call.ts'
import { type CallHead, callerOf, GATEWAY } from '../call/call-head.ts'
import { MAX_AGE_MS, type Proofs } from '../call/proof.ts'
import { isUnasked, readCallHead } from '../call/read-call-head.ts'
import type { Contract } from '../contract/contract.ts'
import type { Operation } from '../contract/operation.ts'
import { type Greeting, servedContract } from './greeting.ts'

/** A service whose operations are served at the door, the internal ones too. */
export interface Behind extends ServicePort {
  readonly contract: Contract
}

/** What is made of a call that arrives, whatever carries it. */
export type Arrival =
  | {
      readonly kind: 'call'
      readonly head: CallHead
      readonly behind: Behind
      readonly operation: Operation | undefined
    }
  /** The reason is for the log: whoever sent it is told only that it was refused. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It is proven, but no call: whoever sent it has the key, and is told. */
  | { readonly kind: 'malformed'; readonly fault: FieldFault }
  /** It is proven, but expects another service, or another contract of it: nothing is done. */
  | { readonly kind: 'misdirected'; readonly greeting: Greeting }

export type ReadArrival = (line: unknown, proof: unknown) => Arrival

/** Reads the heads of calls for these services: the proof first, and nothing before. */
export function arrivals(system: string, services: readonly Behind[], proofs: Proofs): ReadArrival {
  const byName = new Map(
    services.map((behind) => [
      `${system}/${behind.contract.name}`,
      {
        behind,
        contract: servedContract(behind.contract),
        operations: new Map(behind.contract.served.map((one) => [one.id, one])),
      },
    ]),
  )
  const names = services.map(({ contract }) => contract.name)

  return (line, proof) => {
    if (typeof line !== 'string' || typeof proof !== 'string') return refused('it has no proof')
    if (!proofs.verify(line, proof)) return refused('its proof is of another key, or of another call')
    const head = readCallHead(line)
    if ('field' in head) return { kind: 'malformed', fault: head }
    const ageMs = Date.now() - head.atMs
    if (Math.abs(ageMs) > MAX_AGE_MS)
      return refused(
        `its proof is ${ageMs < 0 ? `${Math.round(-ageMs / 1000)} s ahead of the clock here` : `${Math.round(ageMs / 1000)} s old`}: at most ${MAX_AGE_MS / 1000} s are accepted, so compare the clocks`,
      )
    if (!mayCallAs(head)) return refused(`${head.from} may not call as ${callerKey(callerOf(head))}`)
    const found = byName.get(head.to)
    if (found === undefined || (head.contract !== undefined && found.contract.hash !== head.contract))
      return { kind: 'misdirected', greeting: { system, services: names, contract: found?.contract } }
    const operation = found.operations.get(head.operation)
    const fault = faultFor(head, operation)
    return fault === undefined ? { kind: 'call', head, behind: found.behind, operation } : { kind: 'malformed', fault }
  }
}

function refused(reason: string): Arrival {
  return { kind: 'refused', reason }
}

/** Only the gateway has verified who a user is (R-GW-2): a service calls as itself, and names who caused it as the actor. */
function mayCallAs(head: CallHead): boolean {
  const caller = callerOf(head)
  if (caller.kind === 'service') return caller.name === head.from
  return head.from === GATEWAY
}

/** An operation that is not here the service does not find; and where a message says what is asked, the head does not. */
function faultFor(head: CallHead, operation: Operation | undefined): FieldFault | undefined {
  if (operation === undefined || isUnasked(head)) return undefined
  const { params } = operation
  if (head.params.length < params.length)
    return { field: 'params', message: `must be those of the path of ${operation.id}: ${params.length}` }
  return undefined
}
