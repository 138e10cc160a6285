/** Lintel's gateway in front of an operation whose capacity is known: 20 ms on a pool of ten. It needs no database. */
import { setTimeout as wait } from 'node:timers/promises'
import { operation, service, t } from '../src/contract/index.ts'
import { createGateway } from '../src/gateway/gateway.ts'
import { createHttpServer } from '../src/http/server.ts'
import { memoryBuckets } from '../src/limits/buckets.ts'
import { createLog } from '../src/observe/log.ts'

const works = service('works', {
  operations: { work: operation({ method: 'GET', path: '/works', access: 'public', answer: { done: t.boolean() } }) },
})

/** When each place is free again. It works on while this process gets no CPU, as a database elsewhere would. */
const freeAtMs = Array<number>(10).fill(0)

async function work(): Promise<void> {
  const first = freeAtMs.indexOf(Math.min(...freeAtMs))
  const endMs = Math.max(freeAtMs[first]!, performance.now()) + 20
  freeAtMs[first] = endMs
  await wait(endMs - performance.now())
}

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
