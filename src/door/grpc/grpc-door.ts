import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { type FieldFault, Problem } from '../../base/errors.ts'
import type { Log } from '../../call/call.ts'
import { CALL_HEADER, type CallHead, PROOF_HEADER } from '../../call/call-head.ts'
import type { ServiceHealth } from '../../call/health.ts'
import { digestOf } from '../../call/proof.ts'
import { isUnasked } from '../../call/read-call-head.ts'
import type { ProtoFile } from '../../contract/documents/protobuf/proto-file.ts'
import { rpcPath } from '../../contract/documents/protobuf.ts'
import type { Operation } from '../../contract/operation.ts'
import { shownProblem } from '../../http/problem-answer.ts'
import type { SecurityLog } from '../../observe/security-log.ts'
import { watch } from '../../resilience/watch.ts'
import type { Arrival, Behind, ReadArrival } from '../arrivals.ts'
import { DoorContext } from '../door-context.ts'
import type { FramedDoor } from '../framed/framed-door.ts'
import {
  EXCHANGE,
  greet,
  LINTEL_TYPE,
  lintelAnswering,
  PROTO_TYPE,
  STATUS_HEADER,
  TAKEN,
  typedAnswering,
} from './answers.ts'
import { descriptorOf } from './descriptors.ts'
import { BadFrame } from './frames.ts'
import { createHealth } from './health.ts'
import { reflect, reflectionOf } from './reflection.ts'
import { begin, readMessage, readTimeout, refuseWith } from './rpc-stream.ts'
import { CODES } from './status.ts'
import type { TypedRpc } from './typed-calls.ts'

export interface GrpcDoorOptions {
  readonly services: readonly GrpcService[]
  readonly readArrival: ReadArrival
  readonly log: Log
  readonly security: SecurityLog
  /** Reflection answers whoever asks, as in development; else only those who have a proof. */
  readonly openReflection: boolean
  /** Takes streams on which calls come as frames; without it that rpc does not exist. */
  readonly takeFramed?: FramedDoor['take'] | undefined
  /** Told of every call when its answer has been handed over. */
  readonly observe?: ((operation: string, status: number, ms: number) => void) | undefined
}

export interface GrpcService {
  readonly behind: Behind
  /** One for each version of its contract; none where its fields have no numbers: then only Lintel itself can call it. */
  readonly files: readonly ProtoFile[]
}

export interface GrpcDoor {
  /** Answers an rpc; never throws or rejects. For `createGrpcServer`. */
  handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void
  /** From now on the health is NOT_SERVING; everything else goes on (R-OPS-2). */
  drain(): void
}

/** The same as the HTTP door's: the gateway has bounded what comes from outside. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const MAX_STANDARD_BYTES = 64 * 1024

const MISDIRECTED = 'it is for another service, or another contract of it'

interface Rpc {
  readonly operation: Operation
  readonly behind: Behind
  /** Undefined where its service has no `.proto`. */
  readonly typed: TypedRpc | undefined
}

/**
 * The internal door of a process over gRPC: every operation of its services as an rpc, for other processes of the system and for
 * any gRPC client that can make a proof (R-CALL-2). Health tells everybody whether it is well.
 */
export function createGrpcDoor(options: GrpcDoorOptions): GrpcDoor {
  const { services, readArrival, log, security, openReflection, takeFramed, observe } = options
  const rpcs = rpcsOf(services)
  const reflections = reflectionOf(services.flatMap(({ files }) => files.map(descriptorOf)))
  const health = createHealth(healthOf)
  let draining = false

  function healthOf(name: string): Promise<ServiceHealth['status']> | undefined {
    const asked = services.filter((one) => name === '' || isNamed(one, name))
    if (asked.length === 0) return undefined
    if (draining) return Promise.resolve('unhealthy')
    return Promise.all(asked.map(({ behind }) => behind.health())).then((all) =>
      all.some(({ status }) => status === 'unhealthy') ? 'unhealthy' : 'healthy',
    )
  }

  async function take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const { ':path': path = '', ':method': method, 'content-type': type = '' } = headers
    if (method !== 'POST' || !/^application\/grpc($|[+;])/.test(type)) {
      stream.respond({ ':status': 415 }, { endStream: true })
      return
    }
    const rpc = rpcs.get(path)
    if (rpc !== undefined) return takeCall(rpc, stream, headers)
    if (path === '/grpc.health.v1.Health/Check')
      return health.check(stream, await readMessage(stream, MAX_STANDARD_BYTES))
    if (path === '/grpc.health.v1.Health/Watch')
      return health.watch(stream, await readMessage(stream, MAX_STANDARD_BYTES))
    if (path === EXCHANGE && takeFramed !== undefined) return takeExchange(takeFramed, stream, headers)
    const reflection = reflections.get(path)
    if (reflection === undefined) {
      // A caller of another build may know an operation that is not here: it is told what is.
      const arrival = type === LINTEL_TYPE ? readArrival(headers[CALL_HEADER], headers[PROOF_HEADER]) : undefined
      if (arrival?.kind === 'misdirected') return greet(stream, arrival.greeting)
      refuseWith(stream, type, { code: CODES.UNIMPLEMENTED, message: `There is no rpc ${path.slice(0, 200)}` })
      return
    }
    if (openReflection || isLetIn(readArrival(headers[CALL_HEADER], headers[PROOF_HEADER]), stream, type))
      reflect(reflection, stream)
  }

  function takeExchange(takeFramed: FramedDoor['take'], stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (!isLetIn(readArrival(headers[CALL_HEADER], headers[PROOF_HEADER]), stream, LINTEL_TYPE)) return
    const head = { 'content-type': LINTEL_TYPE, [STATUS_HEADER]: TAKEN }
    const accept = () => begin(stream, head, () => ({ code: CODES.OK }))
    if (!takeFramed(stream, { address: stream.session?.socket.remoteAddress, accept }))
      refuseWith(stream, LINTEL_TYPE, { code: CODES.UNAVAILABLE, message: 'The door ends' })
  }

  async function takeCall(rpc: Rpc, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const type = headers['content-type']!
    const arrival = readArrival(headers[CALL_HEADER], headers[PROOF_HEADER])
    if (!isLetIn(arrival, stream, type)) return
    if (arrival.head.operation !== rpc.operation.id) return reject(stream, type, 'its proof is of another operation')
    if (type === LINTEL_TYPE && isUnasked(arrival.head))
      return rejectHead(stream, type, { field: 'method', message: 'is missing' })
    const head = withTimeout(arrival.head, headers['grpc-timeout'])
    const { typed } = rpc
    if (type !== LINTEL_TYPE && typed === undefined) {
      refuseWith(stream, type, { code: CODES.UNIMPLEMENTED, message: 'The service has no .proto: run `lintel proto`' })
      return
    }
    const answering = type === LINTEL_TYPE ? lintelAnswering(stream) : typedAnswering(stream, typed!)
    const { id } = rpc.operation
    const { problems } = rpc.behind.contract
    const tell = (error: unknown) => {
      // The caller is gone, and the service stopped for that: there is nobody to tell.
      if (context.abandoned) return
      const { problem, spec } = shownProblem(error, {
        operation: id,
        problems,
        log: context.late ? undefined : context.log,
      })
      answering.problem({ problem, message: problem.message || spec.message, status: spec.status }, context)
      observe?.(id, spec.status, performance.now() - context.startedMs)
    }
    const context = new DoorContext(head, {
      log,
      isAbandoned: () => stream.aborted || (stream.destroyed && !stream.writableFinished),
      answerLate: () => tell(new Problem('GATEWAY_TIMEOUT', 'The request took too long')),
    })
    watch.add(context)
    try {
      const message = await readMessage(stream, MAX_MESSAGE_BYTES)
      if (!isOfProof(message, head)) return reject(stream, type, 'its message is not that of its proof')
      if (context.endIfLate()) return
      const call = answering.read(head, message, context)
      const reply = await rpc.behind.port(call)
      if (context.late) return context.noteLate(id, undefined)
      answering.reply(reply, context)
      observe?.(id, reply.status, performance.now() - context.startedMs)
    } catch (error) {
      if (error instanceof BadFrame) throw error
      if (context.late) context.noteLate(id, error)
      else tell(error)
    } finally {
      watch.delete(context)
    }
  }

  /** What is no call for a service here is answered at once. */
  function isLetIn(arrival: Arrival, stream: ServerHttp2Stream, type: string): arrival is Arrival & { kind: 'call' } {
    if (arrival.kind === 'refused') reject(stream, type, arrival.reason)
    else if (arrival.kind === 'malformed') rejectHead(stream, type, arrival.fault)
    else if (arrival.kind === 'misdirected') {
      if (type === LINTEL_TYPE) greet(stream, arrival.greeting)
      else reject(stream, type, MISDIRECTED)
    }
    return arrival.kind === 'call'
  }

  function reject(stream: ServerHttp2Stream, type: string, reason: string): void {
    const address = stream.session?.socket.remoteAddress
    security.repeated('call.rejected', `${address} ${reason}`, { address, reason })
    refuseWith(stream, type, { code: CODES.UNAUTHENTICATED, message: 'Credentials are required' })
  }

  function rejectHead(stream: ServerHttp2Stream, type: string, { field, message }: FieldFault): void {
    const address = stream.session?.socket.remoteAddress
    const reason = `${field} of its head ${message}`
    security.repeated('call.rejected', `${address} ${reason}`, { address, reason })
    refuseWith(stream, type, { code: CODES.INVALID_ARGUMENT, message: reason })
  }

  return {
    handle(stream, headers) {
      // Without a listener a reset by the caller would end the process.
      stream.on('error', () => {})
      take(stream, headers).catch((error) => {
        const code = error instanceof BadFrame ? error.status : CODES.INTERNAL
        if (code === CODES.INTERNAL) log.error({ err: error }, 'An rpc could not be answered')
        const message = error instanceof BadFrame ? error.message : 'Internal server error'
        refuseWith(stream, headers['content-type'] ?? PROTO_TYPE, { code, message })
      })
    },
    drain() {
      draining = true
    },
  }
}

/** Every operation in every version, by the path of its rpc. */
function rpcsOf(services: readonly GrpcService[]): ReadonlyMap<string, Rpc> {
  const rpcs = new Map<string, Rpc>()
  for (const { behind, files } of services) {
    const { contract } = behind
    for (let version = 1; version <= contract.latest; version++)
      for (const operation of contract.served) {
        if (operation.route !== undefined) continue
        const rpc = files[version - 1]?.service.rpcs.find((one) => one.operation === operation.id)
        const typed = rpc && { rpc, operation, version }
        rpcs.set(rpcPath(contract, operation, version), { operation, behind, typed })
      }
  }
  return rpcs
}

/** By its name in the system, or by one of its names in gRPC. */
function isNamed({ behind, files }: GrpcService, name: string): boolean {
  return behind.contract.name === name || files.some((file) => `${file.package}.${file.service.name}` === name)
}

/** The shorter of the two ends the call. */
function withTimeout(head: CallHead, timeout: unknown): CallHead {
  const timeoutMs = readTimeout(timeout)
  if (timeoutMs === undefined || timeoutMs >= (head.remainingMs ?? Number.POSITIVE_INFINITY)) return head
  return { ...head, remainingMs: timeoutMs }
}

/** A message without bytes needs no digest: gRPC sends one where there is no body. */
function isOfProof(message: Uint8Array, { digest }: CallHead): boolean {
  return digest === undefined ? message.length === 0 : digestOf(message) === digest
}
