/** A door of the orders service whose operations answer at once: what is left is what a call costs. */
import { orders } from '../services/orders/contract.ts'
import { createProofs } from '../src/call/proof.ts'
import { arrivals } from '../src/door/arrivals.ts'
import { createDoor } from '../src/door/door.ts'
import { createGrpcDoor } from '../src/door/grpc/grpc-door.ts'
import { createGrpcServer } from '../src/door/grpc/grpc-server.ts'
import { createHttpServer } from '../src/http/server.ts'
import { createLog } from '../src/observe/log.ts'
import { createSecurityLog } from '../src/observe/security-log.ts'
import { FIXED } from './fixed-answer.ts'

const log = await createLog('warn')
const security = createSecurityLog(log)
const proofs = createProofs([process.env.LINTEL_INTERNAL_KEY!])
const reply = { status: 200, headers: { etag: FIXED.etag, 'cache-control': FIXED.cacheControl }, body: FIXED.json }
const behind = {
  name: orders.name,
  contract: orders,
  port: async () => reply,
  health: async () => ({ status: 'healthy', checks: {} }) as const,
}
const door = createDoor({ system: 'bench', services: [behind], proofs, log, security })
const grpc = createGrpcServer(
  createGrpcDoor({
    services: [{ behind, files: [] }],
    readArrival: arrivals('bench', [behind], proofs),
    openReflection: false,
    takeFramed: door.takeFramed,
    log,
    security,
  }).handle,
  { log },
)
const server = createHttpServer(door.handle, { http2: grpc.take, upgrade: door.upgrade, maxHeaderBytes: 128 * 1024 })
const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
process.on('message', () => process.send!({ cpu: process.cpuUsage() }))
process.once('disconnect', () => process.exit(0))
process.send!({ port })
