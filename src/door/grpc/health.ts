import type { ServerHttp2Stream } from 'node:http2'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { ServiceHealth } from '../../call/health.ts'
import { PROTO_TYPE } from './answers.ts'
import { frameOf } from './frames.ts'
import { begin, refuseWith, respondWith } from './rpc-stream.ts'
import { CODES } from './status.ts'

/** Answers the two rpcs of `grpc.health.v1.Health`. `health` is of a service by its full name, or of all by "". */
export interface Health {
  check(stream: ServerHttp2Stream, request: Uint8Array): Promise<void>
  /** Sends the status now, and whenever it has changed, until the caller leaves. */
  watch(stream: ServerHttp2Stream, request: Uint8Array): Promise<void>
}

export type HealthOf = (service: string) => Promise<ServiceHealth['status']> | undefined

const WATCH_MS = 5_000

const SERVING = { healthy: 1, degraded: 1, unhealthy: 2 } as const
const SERVICE_UNKNOWN = 3

export function createHealth(healthOf: HealthOf): Health {
  return {
    async check(stream, request) {
      const status = await healthOf(readService(request))
      if (status === undefined) refuseWith(stream, PROTO_TYPE, { code: CODES.NOT_FOUND, message: 'Unknown service' })
      else respondWith(stream, { 'content-type': PROTO_TYPE }, writeStatus(SERVING[status]), { code: CODES.OK })
    },
    async watch(stream, request) {
      const service = readService(request)
      let sent: number | undefined
      const look = async () => {
        const status = await healthOf(service)
        const serving = status === undefined ? SERVICE_UNKNOWN : SERVING[status]
        if (serving === sent || stream.destroyed) return
        sent = serving
        stream.write(frameOf(writeStatus(serving)))
      }
      begin(stream, { 'content-type': PROTO_TYPE }, () => ({ code: CODES.CANCELLED }))
      const timer = setInterval(() => look().catch(() => stream.end()), WATCH_MS).unref()
      stream.once('close', () => clearInterval(timer))
      await look()
    },
  }
}

/** `service`, the one field of a HealthCheckRequest. */
function readService(request: Uint8Array): string {
  const reader = new BinaryReader(request)
  let service = ''
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    if (number === 1 && wireType === WireType.LengthDelimited) service = reader.string()
    else reader.skip(wireType, number)
  }
  return service
}

function writeStatus(status: number): Uint8Array {
  return new BinaryWriter().tag(1, WireType.Varint).int32(status).finish()
}
