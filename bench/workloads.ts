import pg from 'pg'
import { accessTokens } from '../services/users/contract.ts'
import { type SigningKey, signingKeyAt } from '../src/auth/keys.ts'
import { type AccessClaims, issueAccessToken } from '../src/auth/tokens.ts'
import { encodeId } from '../src/base/ids.ts'
import type { Databases } from './databases.ts'
import type { Request, Visitor } from './load-job.ts'
import type { Side } from './options.ts'
import type { Workloads } from './stage.ts'

export const LIST = '/orders?status=pending&sort=-createdAt&limit=20'
export const NEAR = 10
const PAGE = 20

export interface Cursors {
  readonly near: readonly string[]
  readonly deep: readonly string[]
}

/** How many rows deep "deep" is: 500,000, where there are a million orders. */
export function depthOf(orders: number): number {
  return Math.min(500_000, orders / 2)
}

export interface People {
  readonly admin: string
  /** One token each. */
  readonly buyers: readonly { readonly id: string; readonly uuid: string; readonly token: string }[]
}

/** Signs tokens as the users service does: they outlive the benchmark. */
export async function signIn({ admin }: Databases, count: number): Promise<People> {
  const [keys, rows] = await Promise.all([
    query<{ key: SigningKey }>(admin.users, 'select key from signing_keys'),
    query<{ id: string; email: string; roles: string[] }>(
      admin.users,
      `select id, email, roles from users order by roles ? 'admin' desc, id limit $1`,
      [count + 1],
    ),
  ])
  const nowMs = Date.now()
  const key = signingKeyAt(
    keys.map((row) => row.key),
    nowMs,
  )
  const people = rows.map(async ({ id: uuid, email, roles }, i) => {
    const id = encodeId('usr', uuid)
    const sid = encodeId('ses', `00000000-0000-7000-8000-${String(i).padStart(12, '0')}`)
    return { id, uuid, token: await tokenOf(key, { id, email, roles, sid }, nowMs) }
  })
  const [first, ...buyers] = await Promise.all(people)
  return { admin: first!.token, buyers }
}

type User = Omit<AccessClaims, 'sub'> & { readonly id: string }

/** An access token that is good for a day. */
export function tokenOf(key: SigningKey, { id, ...claims }: User, nowMs = Date.now()): Promise<string> {
  const options = { issuer: accessTokens.issuer, audience: accessTokens.audience, nowMs, ttlSeconds: 86_400 }
  return issueAccessToken(key, { sub: id, ...claims }, options)
}

export async function planWorkloads(
  { admin }: Databases,
  people: People,
  cursors: Record<Side, Cursors>,
): Promise<Workloads> {
  const products = await query<{ id: string }>(admin.orders, 'select id from products')
  const owned = await query<{ id: string; user_id: string }>(
    admin.orders,
    'select id, user_id from orders where user_id = any($1) order by random()',
    [people.buyers.map(({ uuid }) => uuid)],
  )
  const reading = people.buyers.map(({ uuid, token }) => ({
    token,
    requests: owned.filter((row) => row.user_id === uuid).map(({ id }) => get(`/orders/${encodeId('ord', id)}`)),
  }))
  const buying = people.buyers.map(({ id, token }) => ({
    token,
    requests: Array.from({ length: 100 }, () => post(`/users/${id}/orders`, { items: someOf(products) })),
  }))
  const paging = (side: Side, how: keyof Cursors) =>
    people.buyers.map((_, i) => ({
      token: people.admin,
      requests: turned(cursors[side][how], i).map((cursor) => get(`${LIST}&cursor=${cursor}`)),
    }))
  const both = (of: (side: Side) => readonly Visitor[]) => ({
    reference: of('reference'),
    before: of('before'),
    lintel: of('lintel'),
  })
  return {
    W1: both(() => reading),
    'W2 shallow': both((side) => paging(side, 'near')),
    'W2 deep': both((side) => paging(side, 'deep')),
    W3: both(() => buying),
  }
}

/** Where Lintel's pages are that begin `depth` rows deep and after: it is asked for a page after another. */
export async function walkCursors(url: string, token: string, depth: number, pages: number): Promise<string[]> {
  const cursors: string[] = []
  let cursor: string | null = null
  for (let at = 0; cursors.length < pages; ) {
    const limit: number = Math.min(at < depth ? depth - at : PAGE, 100)
    const path: string = `${LIST.replace(/limit=\d+/, `limit=${limit}`)}&fields=id&count=none${cursor ? `&cursor=${cursor}` : ''}`
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
    const body = (await response.json()) as { pagination?: { nextCursor: string | null } }
    cursor = body.pagination?.nextCursor ?? null
    if (!cursor) throw new Error(`Lintel's list ended at row ${at}: ${response.status} ${JSON.stringify(body)}`)
    at += limit
    if (at >= depth) cursors.push(cursor)
  }
  return cursors
}

/** The same places, as the reference writes them. */
export async function referenceCursors({ admin }: Databases, depth: number, pages: number): Promise<string[]> {
  const rows = await query<{ cursor: string }>(
    admin.orders,
    `select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS+00') || '|' || id as cursor from orders
     where status = 'pending' order by created_at desc, id desc offset $1 limit $2`,
    [depth - 1, pages * PAGE],
  )
  return rows.filter((_, i) => i % PAGE === 0).map(({ cursor }) => Buffer.from(cursor).toString('base64url'))
}

export const get = (path: string): Request => ({ method: 'GET', path })
export const post = (path: string, body: unknown): Request => ({ method: 'POST', path, body: JSON.stringify(body) })

/** One to three products, each in a quantity of one to three. */
function someOf(products: readonly { id: string }[]) {
  const upTo = (n: number) => Math.floor(Math.random() * n)
  const chosen = new Set(Array.from({ length: 1 + upTo(3) }, () => products[upTo(products.length)]!.id))
  return [...chosen].map((id) => ({ productId: encodeId('prd', id), quantity: 1 + upTo(3) }))
}

function turned<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}

async function query<T extends object>(url: string, text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<T>(text, values)).rows
  } finally {
    await client.end()
  }
}
