import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { inject } from 'vitest'
import { operation, resource, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import { startGateway } from '../src/start/start-gateway.ts'
import { freePort } from '../src/testing/free-port.ts'
import { smallSystem } from './small-system.ts'
import { send, type Wire } from './wire.ts'

// What the steps of docs/lifecycle.md need in order to fail, each made for one request and gone after it.

/** Sends a request, and returns the status of its response. */
export type Asked = (method: string, path: string, wire?: Wire) => Promise<number>

const ISSUER = {
  issuer: 'https://login.example.com/',
  audience: 'shop',
  roles: { claim: 'roles', scopes: true, as: undefined },
  named: '--jwks',
}

export interface Forwarding {
  readonly ask: Asked
  /** Headers with a token that the gateway trusts, without any role. */
  readonly token: Record<string, string>
}

/** A gateway in front of a service that breaks off at `/breaks`, never answers at `/hangs`, and of one that is away. */
export async function behindGateway<T>(
  work: (gateway: Forwarding) => Promise<T>,
  { env = {}, jwks }: { readonly env?: Record<string, string>; readonly jwks?: string } = {},
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lt-steps-'))
  const shop = createServer((req, res) => {
    if (req.url === '/breaks') req.socket.destroy()
    else if (req.url !== '/hangs') res.end('{}')
  })
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve))
  const key = await generateKeyPair('RS256', { extractable: true })
  const write = (name: string, value: unknown) => writeFile(join(folder, name), JSON.stringify(value))
  await write('keys.json', { keys: [{ ...(await exportJWK(key.publicKey)), kid: 'k1', alg: 'RS256' }] })
  const route = (method: string, path: string, access: string, upstream = 'shop') => ({
    method,
    path,
    access,
    upstream,
  })
  await write('routes.json', {
    routes: [
      route('GET', '/things', 'public'),
      route('GET', '/things/new', 'editor'),
      route('GET', '/things/{id}', 'authenticated'),
      route('POST', '/things', 'public'),
      route('POST', '/breaks', 'public'),
      route('GET', '/hangs', 'public'),
      route('GET', '/away', 'public', 'away'),
    ],
  })
  const upstreams = new Map([
    ['shop', [new URL(`http://127.0.0.1:${(shop.address() as AddressInfo).port}`)]],
    ['away', [new URL(`http://127.0.0.1:${await freePort()}`)]],
  ])
  const tokens = { ...ISSUER, jwks: jwks ?? join(folder, 'keys.json') }
  const gateway = await startGateway(
    { upstreams, routes: join(folder, 'routes.json'), openapi: [], tokens, timeoutMs: 200, maxBodyBytes: 100 },
    { PORT: '0', LOG_LEVEL: 'silent', ...env },
  )
  try {
    const jwt = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256', kid: 'k1', typ: 'JWT' })
      .setSubject('ann')
      .setIssuer(ISSUER.issuer)
      .setAudience(ISSUER.audience)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(key.privateKey)
    const ask: Asked = async (method, path, wire) => (await send(gateway.url, method, path, wire)).status
    return await work({ ask, token: { authorization: `Bearer ${jwt}` } })
  } finally {
    await gateway.stop()
    shop.closeAllConnections()
    shop.close()
    await rm(folder, { recursive: true })
  }
}

/** The address of one client has a single token in its bucket, and has used it. */
export function limited(work: (gateway: Forwarding) => Promise<number>): Promise<number> {
  return behindGateway(
    async (gateway) => {
      await gateway.ask('GET', '/things')
      return work(gateway)
    },
    { env: { RATE_LIMIT_MAX: '1' } },
  )
}

const Board = resource('board', {
  id: 'brd',
  fields: { name: t.text() },
  requireVersion: true,
  access: { update: 'public' },
})
const Card = resource('card', {
  id: 'crd',
  parent: { of: Board, field: 'boardId' },
  fields: { boardId: t.id('brd').server(), name: t.text() },
  list: { root: true },
  access: { list: 'public' },
})
const contract = service('steps', {
  resources: { boards: Board, cards: Card },
  operations: {
    wait: operation({ method: 'PUT', path: '/waits', access: 'public', body: {} }),
    hurry: operation({ method: 'PUT', path: '/hurries', access: 'public', body: {}, timeoutMs: 50 }),
  },
})
const COLUMNS = `version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()`
const SQL = `create table boards (id uuid primary key, name text not null, ${COLUMNS});
create table cards (id uuid primary key, board_id uuid not null references boards, name text not null, ${COLUMNS});
create index on cards (board_id);
insert into boards values ('018f0000-0000-7000-8000-000000000000', 'To do');`

export const BOARD = 'brd_01hw000000e008000000000000'

interface Steps {
  readonly url: string
  readonly ask: Asked
  /** URL of its database. */
  readonly database: string
  /** Resolves when so many requests of `PUT /waits` have begun. */
  begun(count: number): Promise<void>
}

/** A system whose `PUT /waits` ends with the test, and whose `PUT /hurries` never does. */
export async function steps<T>(work: (system: Steps) => Promise<T>): Promise<T> {
  let count = 0
  let noticed = () => {}
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const wait = async () => {
    count++
    noticed()
    await released
  }
  const handlers = { wait, hurry: () => new Promise<never>(() => {}) }
  const system = await smallSystem(contract, handlers, SQL, { REQUEST_TIMEOUT: '60' })
  try {
    const ask: Asked = async (method, path, wire) => (await send(system.url, method, path, wire)).status
    const begun = (wanted: number) =>
      new Promise<void>((resolve) => {
        noticed = () => count >= wanted && resolve()
        noticed()
      })
    return await work({ url: system.url, database: system.database, ask, begun })
  } finally {
    release()
    await system.stop()
  }
}

/** While the database of the system takes no connections. */
export function withoutDatabase(work: (system: Steps) => Promise<number>): Promise<number> {
  return steps(async (system) => {
    const admin = await connect(inject('databaseServer'))
    const name = new URL(system.database).pathname.slice(1)
    try {
      await admin.query(`alter database ${name} with allow_connections false`)
      await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
      return await work(system)
    } finally {
      await admin.query(`alter database ${name} with allow_connections true`)
      await admin.end()
    }
  })
}

/** Many more than an operation that has not been asked yet may have in flight (resilience/in-flight-limit.ts). */
const IN_FLIGHT = 300
const EMPTY = { headers: { 'content-type': 'application/json' }, body: '{}' }

/**
 * The statuses of two requests to an operation with as many in flight as it may have: one that comes then, and one that came before,
 * and whose body comes then.
 */
export function crowded(): Promise<{ later: number; earlier: number }> {
  return steps(async ({ url, ask, begun }) => {
    const early = request(`${url}/waits`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'content-length': 2, expect: '100-continue' },
    })
    early.flushHeaders()
    // It is asked for its body: the first look at what is in flight is behind it.
    await new Promise((resolve, reject) => early.on('continue', resolve).on('error', reject))
    const many = Array.from({ length: IN_FLIGHT }, () => ask('PUT', '/waits', EMPTY))
    for (const one of many) one.catch(() => {})
    await begun(IN_FLIGHT)
    const later = await ask('PUT', '/waits', EMPTY)
    const earlier = await new Promise<number>((resolve, reject) => {
      early.on('error', reject).on('response', (res) => resolve(res.resume().statusCode!))
      early.end('{}')
    })
    return { later, earlier }
  })
}
