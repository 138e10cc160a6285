/** Lintel's gateway as `start` makes it, with both contracts' routes, in front of services that answer at once. */
import { orders } from '../services/orders/contract.ts'
import { accessTokens, users } from '../services/users/contract.ts'
import { createKeySet } from '../src/auth/key-set.ts'
import { createRevocations } from '../src/auth/revocations.ts'
import { createTokenVerifier } from '../src/auth/tokens.ts'
import type { Reply, ServicePort } from '../src/call/call.ts'
import { createGateway } from '../src/gateway/gateway.ts'
import { createHttpServer } from '../src/http/server.ts'
import { memoryBuckets } from '../src/limits/buckets.ts'
import { createLog } from '../src/observe/log.ts'
import { FIXED } from './fixed-answer.ts'

const { JWKS, PORT, RATE_LIMIT_MAX } = process.env
const log = await createLog('warn')

const REPLY: Reply = {
  status: 200,
  headers: { etag: FIXED.etag, 'cache-control': FIXED.cacheControl },
  body: FIXED.json,
}

const upstreamOf = (name: string): ServicePort => ({
  name,
  port: async () => REPLY,
  health: async () => ({ status: 'healthy', checks: {} }),
})

const revocations = createRevocations(async () => ({ sessions: [], roles: [] }), { warn: (error) => log.warn(error) })
const gateway = createGateway({
  services: [users, orders].map((contract) => ({ contract, upstream: upstreamOf(contract.name) })),
  verifier: createTokenVerifier({
    keys: createKeySet(async () => JSON.parse(JWKS!)),
    issuer: accessTokens.issuer,
    audience: accessTokens.audience,
    revoked: revocations.revoked,
  }),
  version: '0.1.0',
  limits: { buckets: memoryBuckets(), maxRequests: Number(RATE_LIMIT_MAX ?? 100) },
  strictTransport: true,
  log,
})
await createHttpServer(gateway.handle).listen({ host: '127.0.0.1', port: Number(PORT) })
process.once('SIGTERM', () => process.exit(0))
