import type pg from 'pg'
import { decodeId, encodeId } from '../../src/base/ids.ts'
import type { Caller } from './callers.ts'
import { ask, type Cells } from './postgres.ts'
import { forbidden, type Head, notFound } from './refusal.ts'

export interface Answer {
  readonly status: number
  readonly json: string | undefined
}

/** In the order in which `orderJson` takes them. */
export const COLUMNS = 'id, user_id, status, items, total, currency, placed_at, version, created_at, updated_at'

export async function getOrder(
  db: pg.Client,
  id: string,
  caller: Caller,
  ifNoneMatch: string | undefined,
  head: Head,
): Promise<Answer> {
  const uuid = decodeId('ord', id)
  const [row] = uuid ? await ask(db, `select ${COLUMNS} from orders where id = $1`, [uuid]) : []
  if (!row) throw notFound()
  if (!caller.admin && encodeId('usr', row[1]!) !== caller.id) throw forbidden()
  const etag = `"${row[7]}"`
  head.push('etag', etag, 'cache-control', 'private, no-cache', 'vary', 'accept')
  return ifNoneMatch === etag ? { status: 304, json: undefined } : { status: 200, json: orderJson(row) }
}

/** An order's JSON, copied from the text of its columns. */
export function orderJson([
  id,
  user,
  status,
  items,
  total,
  currency,
  placed,
  version,
  created,
  updated,
]: Cells): string {
  return (
    `{"id":"${encodeId('ord', id!)}","userId":"${encodeId('usr', user!)}","status":"${status}","items":${items},` +
    `"total":${total},"currency":"${currency}","placedAt":"${time(placed!)}","version":${version},` +
    `"createdAt":"${time(created!)}","updatedAt":"${time(updated!)}"}`
  )
}

/** `2025-06-30 12:00:00.5+00` as RFC 3339 has it. */
function time(text: string): string {
  const fraction = text.length > 22 ? text.slice(20, -3).padEnd(3, '0') : '000'
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z`
}
