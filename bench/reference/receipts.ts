/**
 * A receipt as the reference writes it: checked by hand, row and event in one statement, all requests down one pipelined
 * connection. Its events stay in its outbox.
 */
import type { IncomingMessage } from 'node:http'
import { encodeId, uuidv7 } from '../../src/base/ids.ts'
import { buckets, callers } from './callers.ts'
import type { Answer } from './get-order.ts'
import { allow, listen, readJson } from './http.ts'
import { ask, openLane } from './postgres.ts'
import { type Head, invalid, notFound } from './refusal.ts'

const { USERS_URL, RECEIPTS_URL, PORT, RATE_LIMIT_MAX } = process.env
const users = await openLane(USERS_URL!)
const writes = await openLane(RECEIPTS_URL!)

const keys = await ask(users, `select key ->> 'publicJwk' from signing_keys`)
const callerOf = callers({ keys: keys.map(([key]) => JSON.parse(key!)) })
const take = buckets(Number(RATE_LIMIT_MAX ?? 100))

const CREATE = `with made as (
  insert into receipts (id, customer, lines, total, currency) values ($1, $2, $3, $4, $5) returning created_at
), sent as (
  insert into reference_outbox (id, type, aggregate_id, data) values ($6, 'receipt.created', $7, $8)
) select created_at from made`

async function route(request: IncomingMessage, head: Head): Promise<Answer> {
  const path = request.url!.replace(/^(\/api)?(\/v1)?\//, '/')
  const known = callerOf(request)
  const caller = known instanceof Promise ? await known : known
  take(caller.id, head)
  if (path !== '/receipts') throw notFound()
  allow(request, 'POST')
  const fields = fieldsOf(await readJson(request))
  const uuid = uuidv7()
  const id = encodeId('rct', uuid)
  const { customer, lines, total, currency } = fields
  const written = JSON.stringify(lines)
  const shown = `"customer":${JSON.stringify(customer)},"lines":${written},"total":${total},"currency":"${currency}"`
  const values = [uuid, customer, written, total, currency, uuidv7(), id, `{${shown}}`]
  const [[at]] = (await ask(writes, CREATE, values)) as [[string]]
  const time = `${at.slice(0, 10)}T${at.slice(11, 19)}.${at.slice(20, -3).padEnd(3, '0')}Z`
  head.push('etag', '"1"', 'location', `/v1/receipts/${id}`, 'cache-control', 'no-store', 'vary', 'accept')
  const json = `{"id":"${id}",${shown},"version":1,"createdAt":"${time}","updatedAt":"${time}"}`
  return { status: 201, json }
}

listen(Number(PORT), route)

interface Fields {
  readonly customer: string
  readonly lines: readonly object[]
  readonly total: number
  readonly currency: string
}

function fieldsOf(body: unknown): Fields {
  const { customer, lines, total, currency } = members(body, 'body', FIELDS) as unknown as Fields
  if (!isText(customer, 100)) throw invalid('customer', 'must be a text of 1 to 100 characters')
  if (!Array.isArray(lines) || lines.length < 1 || lines.length > 100) throw invalid('lines', 'must be a list')
  for (let i = 0; i < lines.length; i++) assertLine(lines[i], `lines[${i}]`)
  if (!isMoney(total)) throw invalid('total', 'must be an amount of money')
  if (typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) throw invalid('currency', 'must be a currency')
  return { customer, lines, total, currency }
}

function assertLine(line: unknown, at: string): void {
  const { sku, quantity, price } = members(line, at, LINE)
  if (!isText(sku, 64)) throw invalid(`${at}.sku`, 'must be a text of 1 to 64 characters')
  if (!Number.isInteger(quantity) || (quantity as number) < 1 || (quantity as number) > 10_000)
    throw invalid(`${at}.quantity`, 'must be a whole number from 1 to 10000')
  if (!isMoney(price)) throw invalid(`${at}.price`, 'must be an amount of money')
}

const FIELDS = new Set(['customer', 'lines', 'total', 'currency'])
const LINE = new Set(['sku', 'quantity', 'price'])

function members(value: unknown, at: string, names: ReadonlySet<string>): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, 'must be an object')
  for (const name in value) if (!names.has(name)) throw invalid(`${at}.${name}`, 'is not a field')
  return value as Record<string, unknown>
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= max && !value.includes('\0')
}

function isMoney(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Math.abs(value * 100 - Math.round(value * 100)) < 1e-6
}
