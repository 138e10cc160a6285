import type { Log } from '../call/call.ts'
import { CALL_HEADER, GATEWAY, PROOF_HEADER, REPLY_HEADER, writeCallHead } from '../call/call-head.ts'
import { OwnContext } from '../call/context.ts'
import type { ServiceHealth } from '../call/health.ts'
import type { Proofs } from '../call/proof.ts'
import type { Contract } from '../contract/contract.ts'
import { CHECK_MS } from '../resilience/bounded-check.ts'
import type { Replicas } from '../resilience/replicas.ts'
import type { Answered, Failed } from './awaited.ts'
import { CHECKS } from './door.ts'
import { type Greeting, greetingIn, knownContracts } from './greeting.ts'
import { send } from './http-call.ts'
import { otherProtocol } from './other-protocol.ts'
import { doorPath, type Proven, type Replica } from './replica.ts'
import { isClosedUnanswered, Misfit, type Shortcoming, shortcomingIn } from './shortcoming.ts'

export interface KnownReplicasOptions {
  /** Of the system. */
  readonly system: string
  readonly proofs: Proofs
  readonly log: Log
}

/** What is known of the replicas of one service: whether they are what they are taken for, take calls, and are well. */
export interface KnownReplicas {
  /** Hash of the contract that is known here. */
  readonly own: string
  /** Why an operation can't be called there; undefined where it can. */
  whyNot(replica: Replica, from: string, operation: string): string | undefined
  /** Remembers what a replica serves; returns what it is, where that is not what it was taken for. */
  meet(replica: Replica, greeting: Greeting): string | undefined
  /** Notes what a call has shown of a replica. Of one that was lost nothing is known: the next one shows it. */
  note(replica: Replica, outcome: Answered | Failed): void
  /** A line per replica when it stops taking calls, for another reason too, and when it takes them again; one a second at most. */
  tell(replica: Replica, what: string | undefined, err?: unknown): void
  /** The headers that prove who asks, where it is no call that is sent. */
  proven(replica: Pick<Replica, 'contract'>): Proven
  /**
   * Asks all of them whether they take calls. Returns what keeps the service from being called until something is changed: URLs that
   * lead elsewhere, and replicas that refuse every call where no other takes them. Of the rest the log is warned.
   */
  greet(all: readonly Replica[]): Promise<readonly string[]>
  /** Asks all of them. */
  health(replicas: Replicas<Replica>): Promise<ServiceHealth>
}

/** Between two lines about one replica. */
const TELL_MS = 1_000

export function knownReplicas(contract: Contract, { system, proofs, log }: KnownReplicasOptions): KnownReplicas {
  const { name } = contract
  const known = knownContracts(contract)

  function meet(replica: Replica, greeting: Greeting): string | undefined {
    const { origin } = replica.url
    if (greeting.system !== system || greeting.contract === undefined)
      return `is the ${greeting.services.join(' and ')} service of the system "${greeting.system}", not the ${name} service of "${system}"`
    const { hash } = greeting.contract
    replica.contract = hash
    const unusable = known.learn(greeting.contract)
    if (unusable !== undefined && unusable.length > 0)
      log.warn(
        { service: name, here: known.own, there: hash, unusable },
        `the ${name} service at ${origin} serves the contract ${hash}, and ${known.own} is known here: some of it cannot be used`,
      )
    return undefined
  }

  function note(replica: Replica, outcome: Answered | Failed): void {
    if (outcome.kind === 'lost' || (outcome.kind === 'unsent' && outcome.cause instanceof Misfit)) return
    const seen = shortcomingIn(name, outcome)
    if (seen?.what !== replica.shortcoming) tell(replica, seen?.what, causeOf(outcome))
  }

  function tell(replica: Replica, what: string | undefined, err?: unknown): void {
    const nowMs = performance.now()
    if (replica.shortcoming === what || nowMs - replica.toldAtMs < TELL_MS) return
    replica.shortcoming = what
    replica.toldAtMs = nowMs
    const who = `the ${name} service at ${replica.url.origin}`
    if (what === undefined) log.info({}, `${who} takes calls`)
    else log.warn({ err }, `${who} takes no calls: it ${what}`)
  }

  /** What one replica says of itself, to whoever can prove that they may ask; else why it says nothing. */
  async function healthOf(replica: Replica): Promise<ServiceHealth | string> {
    const seen = await ask(replica)
    const greeting = greetingIn(seen)
    if (greeting !== undefined) return meet(replica, greeting) ?? 'serves several contracts at once'
    note(replica, seen)
    if (seen.kind === 'answered' && isHealth(seen)) {
      // Who has seen that all is well is not to be told that it is not.
      replica.breaker.reached()
      return JSON.parse(Buffer.from(seen.body!).toString()) as ServiceHealth
    }
    return shortcomingIn(name, seen)?.what ?? 'cannot tell its health'
  }

  function proven({ contract: hash }: Pick<Replica, 'contract'>, signal?: AbortSignal): Proven {
    const context = new OwnContext(signal)
    const head = writeCallHead(
      { operation: 'health', method: 'GET', version: 1, params: [], query: [], path: '', ...NO_BODY, context },
      { to: `${system}/${name}`, from: GATEWAY, contract: hash },
      undefined,
    )
    return { [CALL_HEADER]: head, [PROOF_HEADER]: proofs.sign(head) }
  }

  /** One that serves another contract is asked again, in the same time. */
  async function ask(
    replica: Replica,
    { again = true, signal = AbortSignal.timeout(CHECK_MS.replica) } = {},
  ): Promise<Answered | Failed> {
    const { pool, url } = replica
    const headers = Object.entries(proven(replica, signal)).flat()
    const seen = await send(pool, { path: doorPath(url, CHECKS), headers, body: undefined, bound: undefined, signal })
    const greeting = greetingIn(seen)
    return again && greeting && meet(replica, greeting) === undefined ? ask(replica, { again: false, signal }) : seen
  }

  async function greeted(replica: Replica): Promise<{ found: Shortcoming | undefined; cause: unknown }> {
    const seen = await ask(replica)
    const cause = causeOf(seen)
    const greeting = greetingIn(seen)
    if (greeting !== undefined) {
      const stranger = meet(replica, greeting)
      return { found: stranger === undefined ? undefined : { what: stranger, wrong: 'url' }, cause }
    }
    const other = isClosedUnanswered(seen) ? await otherProtocol(replica.url, CHECK_MS.replica) : undefined
    return { found: other ?? shortcomingIn(name, seen), cause }
  }

  return {
    own: known.own,
    whyNot({ contract: hash, url }, from, operation) {
      const why = known.whyNot(hash, operation, from === GATEWAY)
      return (
        why &&
        `${operation} ${why} at ${url.origin}, which serves the contract ${hash}; this process knows ${known.own}`
      )
    },
    meet,
    note,
    tell,
    proven: (replica) => proven(replica),
    async greet(all) {
      const seen = await Promise.all(
        all.map(async (replica) => ({ replica, origin: replica.url.origin, ...(await greeted(replica)) })),
      )
      const taken = seen.some(({ found }) => found === undefined)
      const faults: string[] = []
      for (const { replica, origin, found, cause } of seen) {
        if (found === undefined) continue
        const { what, wrong } = found
        if (wrong === 'url' || (wrong === 'replica' && !taken)) faults.push(`${origin} ${what}`)
        else if (wrong === 'replica') tell(replica, what, cause)
        else {
          replica.shortcoming = what
          log.warn(
            { err: cause },
            `the ${name} service at ${origin} ${what}: its requests are answered with 503 until it can`,
          )
        }
      }
      return faults
    },
    async health(replicas) {
      const seen = await Promise.all(replicas.all.map((one) => healthOf(one).catch(() => 'cannot tell its health')))
      return healthFrom(name, seen, replicas.state)
    },
  }
}

const NO_BODY = {
  body: undefined,
  contentType: undefined,
  ifMatch: undefined,
  ifNoneMatch: undefined,
  idempotencyKey: undefined,
}

function causeOf(outcome: Answered | Failed): unknown {
  return outcome.kind === 'answered' ? undefined : outcome.cause
}

function isHealth(outcome: Answered | Failed): boolean {
  return outcome.kind === 'answered' && outcome.status === 200 && outcome.headers[REPLY_HEADER] !== undefined
}

/** The checks of the replica that is best off: what one of them cannot do, another may. Of the others, why they are not up. */
function healthFrom(
  name: string,
  seen: readonly (ServiceHealth | string)[],
  breaker: 'closed' | 'open' | 'half-open',
): ServiceHealth {
  const told = seen.filter((one) => typeof one !== 'string')
  const reasons = seen.flatMap((one) =>
    typeof one === 'string' ? [one] : one.status === 'unhealthy' ? ['is unhealthy'] : [],
  )
  const sound = seen.length - reasons.length
  const best = ['healthy', 'degraded', 'unhealthy'].flatMap((status) => told.filter((one) => one.status === status))[0]
  const message = reasons.length > 0 ? `${sound} of ${seen.length} replicas are up: ${counted(reasons)}` : undefined
  const check = { status: sound > 0 ? 'up' : 'down', breaker, ...(message && { message }) } as const
  const status =
    sound === 0 ? 'unhealthy' : sound < seen.length && best!.status === 'healthy' ? 'degraded' : best!.status
  return { status, checks: { ...best?.checks, [name]: check } }
}

/** `1 cannot be reached; each of 2 is unhealthy`. */
function counted(reasons: readonly string[]): string {
  const told = (one: string) => {
    const { length } = reasons.filter((other) => other === one)
    return `${length === 1 ? '1' : `each of ${length}`} ${one}`
  }
  return [...new Set(reasons)].map(told).join('; ')
}
