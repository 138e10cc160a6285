import { stringify } from 'yaml'
import type { NamedText } from '../../src/design/diff/compare-trees.ts'

/** Documents of one operation, of which tests say one thing each. */

type Fields = Readonly<Record<string, unknown>>

/** An OpenAPI document with `POST /orders` as it is given, and more of what is beside it. */
export function rest(operation: Fields = {}, more: Fields = {}): NamedText {
  const paths = {
    '/orders': { post: { operationId: 'createOrder', responses: { 201: { description: 'Created.' } }, ...operation } },
  }
  return {
    path: 'openapi.yaml',
    text: stringify({ openapi: '3.1.0', info: { title: 'T', version: '1' }, paths, ...more }),
  }
}

/** One whose paths are given. */
export function paths(given: Fields, more: Fields = {}): NamedText {
  return {
    path: 'openapi.yaml',
    text: stringify({ openapi: '3.1.0', info: { title: 'T', version: '1' }, paths: given, ...more }),
  }
}

/** Where clients send a value of the schema. */
export function sent(schema: unknown, more: Fields = {}): NamedText {
  return rest({ requestBody: { required: true, content: { 'application/json': { schema } } } }, more)
}

/** Where clients read a value of the schema. */
export function read(schema: unknown, more: Fields = {}): NamedText {
  return rest({ responses: { 201: { description: 'Created.', content: { 'application/json': { schema } } } } }, more)
}

/** An object schema; names with `!` are required. */
export function object(properties: Fields, more: Fields = {}): Fields {
  const named = Object.entries(properties).map(([name, schema]) => [name.replace('!', ''), schema] as const)
  const required = Object.keys(properties).flatMap((name) => (name.endsWith('!') ? [name.slice(0, -1)] : []))
  return { type: 'object', properties: Object.fromEntries(named), ...(required.length > 0 && { required }), ...more }
}

export function query(name: string, schema: Fields = { type: 'string' }, more: Fields = {}): Fields {
  return { parameters: [{ name, in: 'query', schema, ...more }] }
}

export function header(name: string, more: Fields = {}): Fields {
  return {
    responses: { 201: { description: 'Created.', headers: { [name]: { schema: { type: 'string' }, ...more } } } },
  }
}

/** An AsyncAPI document with one channel, and the messages that are sent (or received) by it. */
export function events(messages: Fields, action: 'send' | 'receive' = 'send', address = 'orders'): NamedText {
  const operations =
    Object.keys(messages).length === 0 ? {} : { all: { action, channel: { $ref: '#/channels/orders' } } }
  const document = {
    asyncapi: '3.0.0',
    info: { title: 'T', version: '1' },
    channels: { orders: { address, messages } },
    operations,
  }
  return { path: 'asyncapi.yaml', text: stringify(document) }
}

export function event(payload: unknown, more: Fields = {}): Fields {
  return { payload, ...more }
}

export function proto(text: string): NamedText {
  return { path: 'orders.proto', text: `syntax = "proto3";\npackage orders.v1;\n${text}` }
}

/** A .proto file with one message, by the lines of its fields. */
export function message(...fields: readonly string[]): NamedText {
  return proto(`message Order {\n${fields.join('\n')}\n}`)
}

const ORDERS = `
create table orders (
  id uuid primary key,
  note varchar(100),
  quantity integer not null default 1,
  price numeric(12, 2) not null,
  status text,
  constraint orders_price_check check (price > 0)
);
create unique index orders_note_key on orders (note);
create view open_orders as select * from orders;
`

/** The SQL of a table of orders, and what a migration adds to it. */
export function sql(added = ''): NamedText {
  return { path: 'schema.sql', text: `${ORDERS}${added}` }
}

/** A whole schema, which does not begin as that of `sql` does. */
export function schema(text: string): NamedText {
  return { path: 'schema.sql', text }
}
