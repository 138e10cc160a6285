/** Lintel's gateway in front of an operation whose capacity is known: 20 ms on a pool of ten. It needs no database. */
import { createGateway } from '../../src/gateway/gateway.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { memoryBuckets } from '../../src/limits/buckets.ts'
import { createLog } from '../../src/observe/log.ts'
import { work, works } from './works.ts'

const gateway = createGateway({
  services: [
    {
      contract: works,
      upstream: {
        name: 'works',
        async port() {
          await work()
          return { status: 200, headers: {}, body: '{"done":true}' }
        },
        health: async () => ({ status: 'healthy', checks: {} }),
      },
    },
  ],
  verifier: undefined,
  version: '0.1.0',
  limits: { buckets: memoryBuckets(), maxRequests: 1_000_000_000 },
  log: await createLog('error'),
})
await createHttpServer(gateway.handle).listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
process.once('SIGTERM', () => process.exit(0))
