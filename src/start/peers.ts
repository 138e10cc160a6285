import type { Caller } from '../auth/caller.ts'
import type { Port } from '../call/call.ts'
import { inProcess } from '../call/in-process.ts'
import type { Contract } from '../contract/contract.ts'
import type { BreakerState } from '../resilience/circuit-breaker.ts'

/** A service of the system as those that call it see it: in this process or in another, they do not know. */
export interface Peer {
  readonly contract: Contract
  /** Takes calls in the name of this caller. */
  as(caller: Caller): Port
  /** Where it runs elsewhere: its best replica's. Whoever calls it needs no breaker besides. */
  readonly breaker?: () => BreakerState['kind']
}

/** One that runs in this process. */
export function nearPeer(contract: Contract, port: Port): Peer {
  return { contract, as: (caller) => inProcess(port, contract, { caller }) }
}
