import type { Socket } from 'node:net'
import type { Proofs } from '../call/proof.ts'
import type { ProtoFile } from '../contract/documents/protobuf/proto-file.ts'
import { protobuf } from '../contract/documents/protobuf.ts'
import { arrivals, type Behind } from '../door/arrivals.ts'
import type { FramedDoor } from '../door/framed/framed-door.ts'
import type { GrpcDoor } from '../door/grpc/grpc-door.ts'
import type { GrpcServer } from '../door/grpc/grpc-server.ts'
import type { Log } from '../observe/log.ts'
import type { RequestCounts } from '../observe/request-counts.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import type { Service } from '../service/implement.ts'
import { findProtoLock, protoLockFile } from './proto-lock.ts'

export interface GrpcAtDoorOptions {
  /** Of the system. */
  readonly system: string
  /** Takes streams on which calls come as frames. */
  readonly takeFramed: FramedDoor['take']
  readonly proofs: Proofs
  readonly production: boolean
  readonly counts: RequestCounts
  readonly security: SecurityLog
  readonly log: Log
}

/** gRPC at the port of the internal door. Its code is loaded with the first connection that speaks it. */
export interface GrpcAtDoor {
  /** Takes a connection that begins with HTTP/2's preface. */
  take(socket: Socket): void
  /** Loads it now, so that what is wrong stops the start: Faults STALE_PROTO_LOCK, INVALID_PROTO_LOCK. */
  open(): Promise<void>
  drain(): void
  /** Gives the number of connections that were cut. */
  close(options: { timeoutMs: number }): Promise<number>
}

export interface Served {
  readonly behind: Behind
  readonly service: Service<any>
}

export function grpcAtDoor(served: readonly Served[], options: GrpcAtDoorOptions): GrpcAtDoor {
  const { log } = options
  let opening: Promise<Opened> | undefined
  let draining = false

  async function opened(): Promise<Opened> {
    opening ??= openDoor(served, options)
    const one = await opening
    if (draining) one.door.drain()
    return one
  }

  return {
    take(socket) {
      const cut = () => socket.destroy()
      socket.on('error', cut)
      opened().then(
        ({ server }) => {
          socket.off('error', cut)
          server.take(socket)
        },
        (err) => {
          log.error({ err }, 'gRPC cannot be served')
          cut()
        },
      )
    },
    async open() {
      await opened()
    },
    drain() {
      draining = true
      opening?.then(
        ({ door }) => door.drain(),
        () => {},
      )
    },
    async close(closing) {
      const one = await opening?.catch(() => undefined)
      return one === undefined ? 0 : one.server.close(closing)
    },
  }
}

interface Opened {
  readonly door: GrpcDoor
  readonly server: GrpcServer
}

async function openDoor(served: readonly Served[], options: GrpcAtDoorOptions): Promise<Opened> {
  const { system, takeFramed, proofs, production, counts, security, log } = options
  const [{ createGrpcDoor }, { createGrpcServer }] = await Promise.all([
    import('../door/grpc/grpc-door.ts'),
    import('../door/grpc/grpc-server.ts'),
  ])
  const behind = served.map((one) => one.behind)
  const door = createGrpcDoor({
    services: served.map((one) => ({ behind: one.behind, files: filesOf(one.service, log) })),
    readArrival: arrivals(system, behind, proofs),
    openReflection: !production,
    takeFramed,
    observe: counts.add,
    security,
    log,
  })
  return { door, server: createGrpcServer(door.handle, { log }) }
}

/** None without a lock: calls of Lintel itself need no numbers. */
function filesOf(service: Service<any>, log: Log): ProtoFile[] {
  const lock = findProtoLock(service)
  const { contract } = service
  if (lock === undefined) {
    log.warn(
      `${protoLockFile(service)} does not exist, so no other gRPC client can call ${contract.name}: run \`lintel proto\``,
    )
    return []
  }
  return Array.from({ length: contract.latest }, (_, i) => protobuf(contract, lock, i + 1))
}
