import { createHash } from 'node:crypto'
import { REPLY_HEADER } from '../call/call-head.ts'
import { readReplyHead } from '../call/reply-head.ts'
import type { Contract } from '../contract/contract.ts'
import { type ContractFacts, contractFacts, incompatibilities } from '../contract/contract-facts.ts'
import type { Answered, Failed } from './awaited.ts'

/** What a door says of itself to whoever has a proof and expects something else, or is new. */
export interface Greeting {
  readonly system: string
  readonly services: readonly string[]
  /** Of the service that was asked for, where that is here. */
  readonly contract: ServedContract | undefined
}

export interface ServedContract {
  readonly hash: string
  readonly facts: ContractFacts
}

/** A contract as it is compared: two builds with one hash have the same. */
export function servedContract(contract: Contract): ServedContract {
  const facts = contractFacts(contract)
  return { hash: createHash('sha256').update(JSON.stringify(facts)).digest('base64url').slice(0, 16), facts }
}

/** The greeting that came instead of an answer. */
export function greetingIn(outcome: Answered | Failed): Greeting | undefined {
  if (outcome.kind !== 'answered' || outcome.status !== 421) return undefined
  return readReplyHead(outcome.headers[REPLY_HEADER])?.greeting && readGreeting(outcome.body)
}

function readGreeting(body: Uint8Array | undefined): Greeting | undefined {
  try {
    const greeting = JSON.parse(Buffer.from(body ?? []).toString()) as Partial<Greeting> | null
    return typeof greeting?.system === 'string' && Array.isArray(greeting.services) ? (greeting as Greeting) : undefined
  } catch {
    return undefined
  }
}

/** What a caller knows of the contracts that it has met of one service, each by its hash. */
export interface KnownContracts {
  readonly own: string
  /** Why an operation can't be called where that contract is served; undefined where it can. Only the gateway `passes` bodies on. */
  whyNot(hash: string, operation: string, passes: boolean): string | undefined
  /** Compares one that is new, and returns what is not usable of it; undefined where it is known. */
  learn(contract: ServedContract): readonly string[] | undefined
}

/** One build after another is rolled out, so few are met; beyond it the oldest is forgotten, and met anew. */
const MAX_CONTRACTS = 20

export function knownContracts(contract: Contract): KnownContracts {
  const own = servedContract(contract)
  const met = new Map<string, { passing: ReadonlyMap<string, string>; reading: ReadonlyMap<string, string> }>()
  return {
    own: own.hash,
    whyNot(hash, operation, passes) {
      if (hash === own.hash) return undefined
      const compared = met.get(hash)
      return (passes ? compared?.passing : compared?.reading)?.get(operation)
    },
    learn({ hash, facts }) {
      if (hash === own.hash || met.has(hash)) return undefined
      if (met.size >= MAX_CONTRACTS) met.delete(met.keys().next().value!)
      const reading = incompatibilities(own.facts, facts)
      met.set(hash, { passing: incompatibilities(own.facts, facts, { passes: true }), reading })
      return [...reading].map(([what, why]) => `${what} ${why}`)
    },
  }
}
