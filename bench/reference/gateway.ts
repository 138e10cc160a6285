/** What the benchmark's gateway alone does, by hand: who asks, how often, where to; and the answer is always the same. */
import type { IncomingMessage } from 'node:http'
import { FIXED } from '../fixed-answer.ts'
import { buckets, callers } from './callers.ts'
import type { Answer } from './get-order.ts'
import { allow, listen } from './http.ts'
import { type Head, notFound } from './refusal.ts'

const { JWKS, PORT, RATE_LIMIT_MAX } = process.env
const callerOf = callers(JSON.parse(JWKS!))
const take = buckets(Number(RATE_LIMIT_MAX ?? 100))

async function route(request: IncomingMessage, head: Head): Promise<Answer> {
  const [path = ''] = request.url!.replace(/^(\/api)?(\/v1)?\//, '/').split('?')
  const [, collection, id, below] = path.split('/')
  const known = callerOf(request)
  const caller = known instanceof Promise ? await known : known
  take(caller.id, head)
  if (collection !== 'orders' || id === undefined || below !== undefined) throw notFound()
  allow(request, 'GET')
  head.push('etag', FIXED.etag, 'cache-control', FIXED.cacheControl, 'vary', 'accept')
  return { status: 200, json: FIXED.json }
}

listen(Number(PORT), route)
