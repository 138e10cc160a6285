import { setTimeout as delay } from 'node:timers/promises'
import type { Caller } from '../auth/caller.ts'
import { Fault, Problem } from '../base/errors.ts'
import type { Call, Context, Log, Port, Reply } from '../call/call.ts'
import { CALL_HEADER, GATEWAY, PROOF_HEADER, REPLY_HEADER, writeCallHead } from '../call/call-head.ts'
import { CalledContext, withContext } from '../call/context.ts'
import type { ServiceHealth } from '../call/health.ts'
import { digestOf, type Proofs } from '../call/proof.ts'
import { isRepeatableCall } from '../call/repeatable.ts'
import { addLimits, readProblem, readReplyHead } from '../call/reply-head.ts'
import { CallProblem } from '../client/call-problem.ts'
import type { Contract } from '../contract/contract.ts'
import { rpcPath } from '../contract/documents/protobuf.ts'
import type { Operation } from '../contract/operation.ts'
import type { BreakerState, CircuitBreakerOptions, Outcome } from '../resilience/circuit-breaker.ts'
import { createReplicas } from '../resilience/replicas.ts'
import { createRetries } from '../resilience/retry.ts'
import { type Answered, ENDED, type Failed } from './awaited.ts'
import { CALLS } from './door.ts'
import { greetingIn } from './greeting.ts'
import { send } from './http-call.ts'
import { knownReplicas } from './known-replicas.ts'
import { doorPath, leave, openReplica, type Replica } from './replica.ts'
import { sendRoute } from './route-call.ts'
import { Misfit, shortcomingIn } from './shortcoming.ts'

export const CALL_TRANSPORTS = ['http', 'grpc'] as const
export type CallTransport = (typeof CALL_TRANSPORTS)[number]

export interface FarServiceOptions {
  /** Of the system. */
  readonly system: string
  /** One for each replica. */
  readonly urls: readonly URL[]
  readonly proofs: Proofs
  /** What carries the calls; `http` by default. Health is asked over HTTP in any case. */
  readonly transport?: CallTransport
  readonly log: Log
  /** Of each replica. */
  readonly breaker?: CircuitBreakerOptions
}

/** A service that runs in other processes, each behind a door of its own. */
export interface FarService {
  readonly name: string
  readonly contract: Contract
  /**
   * Throws the Fault WRONG_SERVICE where something else is there, or every replica refuses calls; what does not answer is a warning,
   * and so is one that refuses while another takes them.
   */
  greet(): Promise<void>
  /** For the gateway: calls are made as whoever asks. */
  readonly port: Port
  /** Calls are made as this one. */
  as(caller: Caller): Port
  health(): Promise<ServiceHealth>
  /** That of the best replica: closed while one takes calls. */
  breaker(): BreakerState['kind']
  replicas(): readonly { readonly url: string; readonly breaker: BreakerState['kind']; readonly pending: number }[]
  /** Cuts what is under way. */
  close(): Promise<void>
}

const BREAKER: CircuitBreakerOptions = { openMs: 250, maxOpenMs: 1_000 }
/** Given less time than this, a call that is late says nothing of the replica. Those of `guard` have a second, or what a handler gives them, until they are sent. */
const LONG_MS = 700
/** Timers fire up to a millisecond early, and whoever set one ends the call. */
const EARLY_MS = 1
/** How long what was lost with its process is waited for, at most: its database ends it when it hears that the process has. */
const WAIT_FOR_LOST_MS = 2_000
/** How long a replica that is tried again is waited for, at most, while another ends: as long as a breaker stays open. */
const WAIT_FOR_NEXT_MS = BREAKER.maxOpenMs!
const LOOK_AGAIN_MS = 25

function isInProgress(error: unknown): boolean {
  return error instanceof CallProblem && error.code === 'IDEMPOTENCY_IN_PROGRESS'
}

/** Opens the way to a service that runs elsewhere. Nothing is sent before the first call. */
export async function openFarService(contract: Contract, options: FarServiceOptions): Promise<FarService> {
  const { system, urls, proofs, log, transport = 'http', breaker = BREAKER } = options
  const to = `${system}/${contract.name}`
  const known = knownReplicas(contract, { system, proofs, log })
  const retries = createRetries({ retryBudget: { reserve: 256 } })
  const openGrpc = transport === 'grpc' ? (await import('./grpc/grpc-call.ts')).openGrpcConnection : undefined
  const rpcs = new Map(
    contract.served.flatMap((one) => (one.route ? [] : [[one.id, rpcPathsOf(contract, one)] as const])),
  )
  const replicas = createReplicas<Replica>(
    await Promise.all(
      urls.map((url) =>
        openReplica(url, { contract: known.own, breaker, grpc: openGrpc?.(url.origin), proven: known.proven }),
      ),
    ),
  )

  /** To one replica after another, until one has taken it: that is no repetition, as nothing was sent to those before. */
  async function sendTo(from: string, call: Call): Promise<Reply> {
    const tried: Replica[] = []
    let lostAtMs = Number.NEGATIVE_INFINITY
    let waitUntilMs = 0
    retries.earn()
    for (;;) {
      const choice = replicas.choose(tried, isRepeatableCall(call))
      if (choice === undefined) {
        waitUntilMs ||= performance.now() + WAIT_FOR_NEXT_MS
        if (!isHandingOver() || performance.now() >= waitUntilMs || !mayWait(call))
          throw unavailable(call, 'the circuit breakers of all replicas are open', replicas.retryInMs())
        await delay(LOOK_AGAIN_MS)
        continue
      }
      const { replica, pass } = choice
      const allowedMs = call.context.deadline.remainingMs()
      const sentAtMs = performance.now()
      replica.pending++
      const outcome = await attempts(replica, from, call)
      replica.pending--
      if (outcome.kind === 'answered') replica.heardAtMs = performance.now()
      // To the gateway a service that is slow is not away: what it has in its cache, and what is quick, is still to be had.
      const isThere = from === GATEWAY && replica.heardAtMs >= sentAtMs
      replica.breaker.leave(pass, seenIn(outcome, call.context, { allowedMs, isThere }))
      known.note(replica, outcome)
      tried.push(replica)
      if (outcome.kind === 'answered') {
        if (outcome.headers.connection === 'close') leave(replica)
        try {
          const reply = replyOf(call, outcome)
          if (reply !== undefined) return reply
        } catch (error) {
          // The key is held by the attempt that was lost, which is ours: that is nothing to tell whoever asks.
          const isOurs = performance.now() - lostAtMs < WAIT_FOR_LOST_MS && isInProgress(error)
          if (!isOurs || !mayWait(call)) throw error
          tried.pop()
          await delay(LOOK_AGAIN_MS)
          continue
        }
      }
      // Of the body that whoever asks was sending: too large, or broken off.
      if (outcome.kind !== 'answered' && outcome.cause instanceof Problem) throw outcome.cause
      if (outcome.kind === 'lost') lostAtMs = performance.now()
      if (tried.length < replicas.all.length && mayGoOn(outcome, call, tried.length)) continue
      throw notAnswered(call, outcome, replica.url)
    }
  }

  /**
   * One replica has said that it ends, so another may be back, and not found to be by the one call that its breaker lets through: in a
   * rolling restart nothing is down.
   */
  function isHandingOver(): boolean {
    return replicas.all.length > 1 && replicas.all.some(({ leaving }) => leaving)
  }

  function mayWait({ context }: Call): boolean {
    return !context.bound?.isOver && context.deadline.remainingMs() >= 2 * LOOK_AGAIN_MS
  }

  /**
   * Whether another replica is asked. A call that was lost may have had its effect: so only one that may be repeated, and out of a
   * budget, which covers all that a replica had under way when it died.
   */
  function mayGoOn(outcome: Answered | Failed, call: Call, attempts: number): boolean {
    if (outcome.kind !== 'lost') return true
    if (outcome.cause === ENDED || !isRepeatableCall(call)) return false
    return retries.restMs(attempts, call.context.deadline.remainingMs()) !== undefined
  }

  /** A replica that serves another contract says so, and has done nothing: it is asked again if the two go together. */
  async function attempts(replica: Replica, from: string, call: Call): Promise<Answered | Failed> {
    const first = await attempt(replica, from, call)
    const greeting = greetingIn(first)
    if (greeting === undefined) return first
    const stranger = known.meet(replica, greeting)
    if (stranger !== undefined) known.tell(replica, stranger)
    const why =
      stranger === undefined ? known.whyNot(replica, from, call.operation) : `${replica.url.origin} ${stranger}`
    if (why !== undefined) return { kind: 'unsent', cause: new Misfit(why) }
    const second = await attempt(replica, from, call)
    // Behind one address may be several builds: the next call may find them agreed.
    return greetingIn(second) ? { kind: 'unsent', cause: new Misfit('it serves several contracts at once') } : second
  }

  function attempt(replica: Replica, from: string, call: Call): Promise<Answered | Failed> {
    const { pool, streams, framed, grpc, url } = replica
    // Where it could not be used, it is looked at again: another build may serve there by now.
    const hash = known.whyNot(replica, from, call.operation) === undefined ? replica.contract : known.own
    const { context } = call
    const body = bytesOf(call)
    const line = writeCallHead(call, { to, from, contract: hash }, body && digestOf(body))
    const { bound } = context
    // Whether a write is being committed over there, nobody here knows (R-P-7).
    if (bound !== undefined && !SAFE.has(call.method)) bound.committing = true
    const proof = proofs.sign(line)
    const signal = bound === undefined ? context.signal : undefined
    const headers = [CALL_HEADER, line, PROOF_HEADER, proof]
    if (call.raw !== undefined) {
      const sent = call.raw.stream ?? body
      return sendRoute(streams, { path: doorPath(url, CALLS), headers, body: sent, bound, signal })
    }
    const sent = framed.send({ line, proof, body, bound, signal })
    if (sent !== undefined) return sent
    const paths = rpcs.get(call.operation)
    // What is in no contract has no rpc; the port takes both.
    if (grpc === undefined || paths === undefined)
      return send(pool, { path: doorPath(url, CALLS), headers, body, bound, signal })
    return grpc.send({
      path: paths[Math.min(call.version, paths.length) - 1]!,
      headers: { [CALL_HEADER]: line, [PROOF_HEADER]: proof },
      body,
      remainingMs: context.deadline.remainingMs(),
      bound,
      signal,
    })
  }

  /** Undefined where it is not one of a door that has taken the call. */
  function replyOf({ operation, context }: Call, { status, headers, body, stream }: Answered): Reply | undefined {
    const head = readReplyHead(headers[REPLY_HEADER])
    if (head === undefined) return undefined
    if (head.limits !== undefined && context.rateLimits !== undefined) addLimits(context.rateLimits, head)
    if (head.problem === undefined) return { status, headers: head.headers ?? {}, body, stream, cookies: head.cookies }
    const problem = readProblem(body && Buffer.from(body).toString())
    const code = problem?.code ?? 'BAD_GATEWAY'
    throw new CallProblem(operation, status, code, problem?.message || contract.problems[code]?.message || code, {
      ...(problem?.details && { details: problem.details }),
      ...(problem?.headers && { headers: problem.headers }),
      ...(problem?.retryAfterS !== undefined && { retryAfterS: Math.ceil(problem.retryAfterS) }),
      requestId: context.requestId,
    })
  }

  return {
    name: contract.name,
    contract,
    async greet() {
      const faults = await known.greet(replicas.all)
      if (faults.length > 0) throw new Fault('WRONG_SERVICE', faults.join('\n'))
    },
    port: (call) => sendTo(GATEWAY, call),
    as(caller) {
      const from = caller.kind === 'service' ? caller.name : GATEWAY
      return (call) => sendTo(from, withContext(call, new CalledContext(call.context, { caller })))
    },
    health: () => known.health(replicas),
    breaker: () => replicas.state,
    replicas: () =>
      replicas.all.map(({ url, breaker, pending }) => ({ url: url.href, breaker: breaker.state.kind, pending })),
    async close() {
      await Promise.all(replicas.all.map((one) => one.destroy()))
    },
  }
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** By version, from 1. */
function rpcPathsOf(contract: Contract, operation: Operation): readonly string[] {
  return Array.from({ length: contract.latest }, (_, i) => rpcPath(contract, operation, i + 1))
}

/** An empty body is none: neither HTTP nor gRPC tells them apart (`Content-Length: 0`). */
function bytesOf({ body }: Call): Uint8Array | undefined {
  if (body === undefined) return undefined
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body.value))
  return bytes.length === 0 ? undefined : bytes
}

/**
 * What a call shows of a replica. Any answer of a door in time does that it is there; what it says is the service's affair. At the
 * deadline the door answers 504, and whoever waits gives up: which is seen first is chance.
 */
function seenIn(
  outcome: Answered | Failed,
  { deadline }: Context,
  { allowedMs, isThere }: { readonly allowedMs: number; readonly isThere: boolean },
): Outcome {
  if (outcome.kind === 'unsent') return outcome.cause instanceof Misfit ? 'succeeded' : 'unreached'
  const isGivenUp = outcome.kind === 'lost' && (outcome.cause === ENDED || outcome.cause instanceof Problem)
  const isLate = isGivenUp || (outcome.kind === 'answered' && outcome.status === 504)
  if (isLate && !isThere && allowedMs >= LONG_MS && deadline.remainingMs() <= EARLY_MS) return 'failed'
  if (isGivenUp) return 'unknown'
  return outcome.kind === 'answered' && outcome.headers[REPLY_HEADER] !== undefined ? 'succeeded' : 'failed'
}

function notAnswered(call: Call, outcome: Answered | Failed, url: URL): CallProblem {
  const { operation, context } = call
  const { requestId } = context
  if (outcome.kind === 'answered') {
    const why = `${url.origin} ${shortcomingIn(operation.split('.')[0]!, outcome)!.what}`
    return new CallProblem(operation, 503, 'SERVICE_UNAVAILABLE', `${operation} was not called: ${why}`, {
      stage: 'unsent',
      retryAfterS: 1,
      requestId,
      cause: new Misfit(why),
    })
  }
  const { kind: stage, cause } = outcome
  if (stage === 'lost' && context.deadline.remainingMs() === 0)
    return new CallProblem(operation, 504, 'GATEWAY_TIMEOUT', `${operation} did not respond in time`, {
      stage,
      requestId,
    })
  const why = cause instanceof Error ? cause.message : cause
  const message =
    stage === 'unsent'
      ? `${operation} could not be reached at ${url.origin}: ${why}`
      : `${operation} was sent to ${url.origin}, and whether it has had its effect is not known: ${why}`
  return new CallProblem(operation, 503, 'SERVICE_UNAVAILABLE', message, { stage, requestId, retryAfterS: 1, cause })
}

function unavailable({ operation, context }: Call, why: string, retryInMs: number): CallProblem {
  return new CallProblem(operation, 503, 'SERVICE_UNAVAILABLE', `${operation} was not called: ${why}`, {
    stage: 'unsent',
    retryAfterS: retryInMs / 1000,
    requestId: context.requestId,
  })
}
