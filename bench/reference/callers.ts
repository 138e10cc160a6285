import type { IncomingMessage } from 'node:http'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { type Head, Refusal } from './refusal.ts'

export interface Caller {
  readonly id: string
  readonly admin: boolean
  readonly expiresAtMs: number
}

const RULES = { issuer: 'lintel/users', audience: 'lintel', typ: 'at+jwt', algorithms: ['ES256'] }
const INVALID = ['www-authenticate', 'Bearer error="invalid_token"']

/** Who asks. A token once verified is kept; its expiry is looked at each time. */
export function callers(keys: JSONWebKeySet): (request: IncomingMessage) => Caller | Promise<Caller> {
  const keySet = createLocalJWKSet(keys)
  const known = new Map<string, Caller>()

  async function verify(token: string): Promise<Caller> {
    const { payload } = await jwtVerify(token, keySet, RULES).catch((): never => {
      throw new Refusal(401, 'INVALID_TOKEN', 'The token is not valid', INVALID)
    })
    const admin = (payload.roles as string[]).includes('admin')
    const caller = { id: payload.sub!, admin, expiresAtMs: payload.exp! * 1000 }
    if (known.size >= 10_000) known.clear()
    known.set(token, caller)
    return caller
  }

  return (request) => {
    const header = request.headers.authorization
    if (!header?.startsWith('Bearer '))
      throw new Refusal(401, 'UNAUTHENTICATED', 'Sign in', ['www-authenticate', 'Bearer'])
    const token = header.slice(7)
    const caller = known.get(token)
    if (!caller) return verify(token)
    if (caller.expiresAtMs <= Date.now()) throw new Refusal(401, 'TOKEN_EXPIRED', 'The token has expired', INVALID)
    return caller
  }
}

const WINDOW_MS = 60_000

/** How often: a token bucket per user, refilled evenly; what is left of it goes into the answer's head. */
export function buckets(max: number): (user: string, head: Head) => void {
  const kept = new Map<string, { tokens: number; atMs: number }>()
  const policy = `"default";q=${max};w=${WINDOW_MS / 1000}`
  return (user, head) => {
    const nowMs = Date.now()
    let bucket = kept.get(user)
    if (!bucket) {
      if (kept.size >= 100_000) kept.clear()
      bucket = { tokens: max, atMs: nowMs }
      kept.set(user, bucket)
    }
    bucket.tokens = Math.min(max, bucket.tokens + ((nowMs - bucket.atMs) * max) / WINDOW_MS)
    bucket.atMs = nowMs
    const over = bucket.tokens < 1
    if (!over) bucket.tokens--
    const left = Math.floor(bucket.tokens)
    const fullInS = Math.ceil(((max - bucket.tokens) * WINDOW_MS) / max / 1000)
    head.push('x-ratelimit-limit', `${max}`, 'x-ratelimit-remaining', `${left}`)
    head.push('x-ratelimit-reset', `${Math.ceil(nowMs / 1000) + fullInS}`)
    head.push('ratelimit-policy', policy, 'ratelimit', `"default";r=${left};t=${fullInS}`)
    if (over) throw new Refusal(429, 'RATE_LIMITED', 'Too many requests', ['retry-after', '1'])
  }
}
