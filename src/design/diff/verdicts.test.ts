import { describe, expect, test } from 'vitest'
import {
  event,
  events,
  header,
  message,
  object,
  paths,
  proto,
  query,
  read,
  rest,
  schema,
  sent,
  sql,
} from '../../../test/design/small-documents.ts'
import { compareFiles, compareTrees, type NamedText } from './compare-trees.ts'
import { KINDS, type Kind } from './kinds.ts'

type Pair = readonly [what: string, old: NamedText, now: NamedText, changes: readonly Kind[]]

const TEXT = { type: 'string' }
const NUMBER = { type: 'number' }
const LIST = { type: 'array', items: TEXT }
const bearer = [{ bearer: [] }]
const scheme = (fields: object) => ({ components: { securitySchemes: { key: fields } } })
const shared = (Order: object) => ({ components: { schemas: { Order } } })
const ref = { $ref: '#/components/schemas/Order' }

/** Breaking ones first: `expect` compares the kinds in the order of their verdicts. */
const REST: readonly Pair[] = [
  ['nothing changes', rest(), rest(), []],
  ['only a description changes', rest({ description: 'a' }), rest({ description: 'b' }), []],
  ['an operation is removed', paths({ '/a': { get: {} } }), paths({}), ['operation-removed']],
  ['an operation is added', paths({}), paths({ '/a': { get: {} } }), ['operation-added']],
  [
    'a method is replaced by another',
    paths({ '/a': { put: {} } }),
    paths({ '/a': { patch: {} } }),
    ['operation-removed', 'operation-added'],
  ],
  [
    'a path is renamed',
    paths({ '/a': { get: {} } }),
    paths({ '/b': { get: {} } }),
    ['operation-removed', 'operation-added'],
  ],
  ['a path parameter is renamed', paths(item('id')), paths(item('orderId')), ['path-parameter-renamed']],
  [
    'the type of a path parameter is narrowed',
    paths(item('id')),
    paths(item('id', { type: 'integer' })),
    ['sent-type-narrowed'],
  ],
  ['an operation is deprecated', rest(), rest({ deprecated: true }), ['operation-deprecated']],
  ['the operationId changes', rest(), rest({ operationId: 'placeOrder' }), ['operation-id']],
  ['a server moves', rest({}, servers('/v1')), rest({}, servers('/v2')), ['server-removed', 'server-added']],
  ['a server is added', rest({}, servers('/v1')), rest({}, servers('/v1', '/eu/v1')), ['server-added']],

  ['credentials are asked for', rest({ security: [] }), rest({ security: bearer }), ['security-narrowed']],
  ['the document asks for credentials', rest(), rest({}, { security: bearer }), ['security-narrowed']],
  [
    'credentials are asked for no more',
    rest({ security: bearer }),
    rest({ security: [{}, ...bearer] }),
    ['security-widened'],
  ],
  [
    'a scope more is asked for',
    rest({ security: [{ oauth: ['a'] }] }),
    rest({ security: [{ oauth: ['a', 'b'] }] }),
    ['security-narrowed'],
  ],
  [
    'a scope less is asked for',
    rest({ security: [{ oauth: ['a', 'b'] }] }),
    rest({ security: [{ oauth: ['a'] }] }),
    ['security-widened'],
  ],
  [
    'another scheme is taken too',
    rest({ security: bearer }),
    rest({ security: [...bearer, { key: [] }] }),
    ['security-widened'],
  ],
  [
    'one of two schemes is taken no more',
    rest({ security: [...bearer, { key: [] }] }),
    rest({ security: bearer }),
    ['security-narrowed'],
  ],
  [
    'the key moves to another header',
    rest({}, scheme({ type: 'apiKey', in: 'header', name: 'X-Key' })),
    rest({}, scheme({ type: 'apiKey', in: 'header', name: 'Api-Key' })),
    ['security-scheme'],
  ],
  [
    'a role loses its right',
    rest({ 'x-lintel-access': 'owner | admin' }),
    rest({ 'x-lintel-access': 'admin' }),
    ['access-narrowed'],
  ],
  [
    'everybody who is signed in may',
    rest({ 'x-lintel-access': 'admin' }),
    rest({ 'x-lintel-access': 'authenticated' }),
    ['access-widened'],
  ],

  [
    'a query parameter is required',
    rest(query('q')),
    rest(query('q', TEXT, { required: true })),
    ['parameter-required'],
  ],
  ['a required query parameter is added', rest(), rest(query('q', TEXT, { required: true })), ['parameter-required']],
  [
    'a query parameter is required no more',
    rest(query('q', TEXT, { required: true })),
    rest(query('q')),
    ['parameter-optional'],
  ],
  ['an optional query parameter is added', rest(), rest(query('q')), ['parameter-added']],
  ['a query parameter is removed', rest(query('q')), rest(), ['parameter-removed']],
  ['a query parameter is renamed', rest(query('q')), rest(query('search')), ['parameter-removed', 'parameter-added']],
  ['a header is taken no more', rest(query('X-A', TEXT, { in: 'header' })), rest(), ['header-parameter-removed']],
  [
    'the case of a header changes',
    rest(query('X-A', TEXT, { in: 'header' })),
    rest(query('x-a', TEXT, { in: 'header' })),
    [],
  ],
  [
    'lists are written with commas',
    rest(query('q', LIST)),
    rest(query('q', LIST, { explode: false })),
    ['parameter-style'],
  ],
  [
    'the maximum of a parameter is lowered',
    rest(query('limit', { type: 'integer', maximum: 100 })),
    rest(query('limit', { type: 'integer', maximum: 50 })),
    ['sent-bound-narrowed'],
  ],
  [
    'the default of a parameter changes',
    rest(query('limit', { type: 'integer', default: 20 })),
    rest(query('limit', { type: 'integer', default: 50 })),
    ['sent-default'],
  ],

  ['a body is required', rest({ requestBody: body(false) }), rest({ requestBody: body(true) }), ['body-required']],
  ['a required body is added', rest(), rest({ requestBody: body(true) }), ['body-required']],
  [
    'a body is required no more',
    rest({ requestBody: body(true) }),
    rest({ requestBody: body(false) }),
    ['body-optional'],
  ],
  ['an optional body is added', rest(), rest({ requestBody: body(false) }), ['body-added']],
  ['a body is taken no more', rest({ requestBody: body(true) }), rest(), ['body-removed']],
  [
    'a body is of another media type',
    rest({ requestBody: body(true, 'application/json') }),
    rest({ requestBody: body(true, 'text/csv') }),
    ['request-type-removed', 'request-type-added'],
  ],

  [
    '200 becomes 201',
    rest({ responses: { 200: {} } }),
    rest({ responses: { 201: {} } }),
    ['success-removed', 'success-added'],
  ],
  ['a refusal is added', rest({ responses: { 201: {} } }), rest({ responses: { 201: {}, 429: {} } }), ['error-added']],
  [
    'a refusal that `default` stood for is spelt out',
    rest({ responses: { 201: {}, default: {} } }),
    rest({ responses: { 201: {}, 429: {}, default: {} } }),
    [],
  ],
  [
    'a refusal comes no more',
    rest({ responses: { 201: {}, 409: {} } }),
    rest({ responses: { 201: {} } }),
    ['error-removed'],
  ],
  [
    'an answer is of another media type',
    rest({ responses: { 201: body(true, 'application/json') } }),
    rest({ responses: { 201: body(true, 'text/csv') } }),
    ['response-type-removed', 'response-type-added'],
  ],
  ['a header of an answer is removed', rest(header('ETag')), rest(), ['header-removed']],
  [
    'a header that was always there is removed',
    rest(header('ETag', { required: true })),
    rest(),
    ['required-header-removed'],
  ],
  ['a header of an answer is added', rest(), rest(header('ETag')), ['header-added']],

  [
    'a required field is added to a request',
    sent(object({ a: TEXT })),
    sent(object({ a: TEXT, 'b!': TEXT })),
    ['sent-property-required'],
  ],
  [
    'an optional field is added to a request',
    sent(object({ a: TEXT })),
    sent(object({ a: TEXT, b: TEXT })),
    ['sent-property-added'],
  ],
  [
    'a field of a request is required',
    sent(object({ a: TEXT })),
    sent(object({ 'a!': TEXT })),
    ['sent-property-required'],
  ],
  [
    'a field of a request is required no more',
    sent(object({ 'a!': TEXT })),
    sent(object({ a: TEXT })),
    ['sent-property-optional'],
  ],
  [
    'a field of an open request is removed',
    sent(object({ a: TEXT, b: TEXT })),
    sent(object({ a: TEXT })),
    ['sent-property-ignored'],
  ],
  [
    'a field of a closed request is removed',
    sent(closed({ a: TEXT, b: TEXT })),
    sent(closed({ a: TEXT })),
    ['sent-property-refused'],
  ],
  [
    'a field of a request is read-only',
    sent(closed({ a: TEXT })),
    sent(closed({ a: { ...TEXT, readOnly: true } })),
    ['sent-property-refused'],
  ],
  ['a request is closed', sent(object({ a: TEXT })), sent(closed({ a: TEXT })), ['sent-closed']],
  ['a request is open', sent(closed({ a: TEXT })), sent(object({ a: TEXT })), ['sent-opened']],
  [
    'a text becomes a number in requests',
    sent(object({ a: TEXT })),
    sent(object({ a: NUMBER })),
    ['sent-type-narrowed'],
  ],
  [
    'a number becomes an integer in requests',
    sent(object({ a: NUMBER })),
    sent(object({ a: { type: 'integer' } })),
    ['sent-type-narrowed'],
  ],
  [
    'an integer becomes a number in requests',
    sent(object({ a: { type: 'integer' } })),
    sent(object({ a: NUMBER })),
    ['sent-type-widened'],
  ],
  [
    'null is taken no more',
    sent(object({ a: { type: ['string', 'null'] } })),
    sent(object({ a: TEXT })),
    ['sent-type-narrowed'],
  ],
  [
    'null is taken too, as 3.0 says it',
    sent(object({ a: TEXT })),
    sent(object({ a: { ...TEXT, nullable: true } })),
    ['sent-type-widened'],
  ],
  [
    'null is said in another way',
    sent(object({ a: { type: ['string', 'null'] } })),
    sent(object({ a: { anyOf: [TEXT, { type: 'null' }] } })),
    [],
  ],
  ['a value is taken no more', sent({ enum: ['a', 'b'] }), sent({ enum: ['a'] }), ['sent-values-removed']],
  ['a value more is taken', sent({ enum: ['a'] }), sent({ enum: ['a', 'b'] }), ['sent-values-added']],
  ['only known values are taken', sent(TEXT), sent({ ...TEXT, enum: ['a'] }), ['sent-values-removed']],
  [
    'a text may be shorter only',
    sent({ ...TEXT, maxLength: 100 }),
    sent({ ...TEXT, maxLength: 50 }),
    ['sent-bound-narrowed'],
  ],
  ['a text may be longer', sent({ ...TEXT, maxLength: 50 }), sent({ ...TEXT, maxLength: 100 }), ['sent-bound-widened']],
  ['a minimum is raised', sent({ ...NUMBER, minimum: 0 }), sent({ ...NUMBER, minimum: 1 }), ['sent-bound-narrowed']],
  [
    'a list has to have an element',
    sent({ type: 'array', items: TEXT }),
    sent({ type: 'array', items: TEXT, minItems: 1 }),
    ['sent-bound-narrowed'],
  ],
  [
    'fewer decimals are taken',
    sent({ ...NUMBER, multipleOf: 0.01 }),
    sent({ ...NUMBER, multipleOf: 0.1 }),
    ['sent-bound-narrowed'],
  ],
  [
    'more decimals are taken',
    sent({ ...NUMBER, multipleOf: 0.1 }),
    sent({ ...NUMBER, multipleOf: 0.01 }),
    ['sent-bound-widened'],
  ],
  ['a pattern is added', sent(TEXT), sent({ ...TEXT, pattern: '^a' }), ['sent-pattern-added']],
  [
    'a pattern is another',
    sent({ ...TEXT, pattern: '^a' }),
    sent({ ...TEXT, pattern: '^b' }),
    ['sent-pattern-changed'],
  ],
  ['a pattern is removed', sent({ ...TEXT, pattern: '^a' }), sent(TEXT), ['sent-pattern-removed']],
  ['a format is added', sent(TEXT), sent({ ...TEXT, format: 'email' }), ['sent-pattern-added']],
  [
    'a larger integer is taken',
    sent({ type: 'integer', format: 'int32' }),
    sent({ type: 'integer', format: 'int64' }),
    ['sent-pattern-removed'],
  ],
  [
    'a default is another',
    sent(object({ a: { ...TEXT, default: 'x' } })),
    sent(object({ a: { ...TEXT, default: 'y' } })),
    ['sent-default'],
  ],
  [
    'a variant is taken no more',
    sent({ oneOf: [titled('A'), titled('B')] }),
    sent({ oneOf: [titled('A')] }),
    ['sent-variant-removed'],
  ],
  [
    'a variant more is taken',
    sent({ oneOf: [titled('A')] }),
    sent({ oneOf: [titled('A'), titled('B')] }),
    ['sent-variant-added'],
  ],
  [
    'one schema becomes a choice of two',
    read(ref, shared(object({ a: TEXT }))),
    read({ anyOf: [ref, titled('B')] }, shared(object({ a: TEXT }))),
    ['read-variant-added'],
  ],
  [
    'a choice of two becomes one of them',
    read({ anyOf: [ref, titled('B')] }, shared(object({ a: TEXT }))),
    read(ref, shared(object({}))),
    ['read-property-removed', 'read-variant-removed'],
  ],
  [
    'one schema may be another too',
    sent(ref, shared(object({ a: TEXT }))),
    sent({ oneOf: [ref, TEXT] }, shared(object({ a: TEXT }))),
    ['sent-type-widened', 'sent-variant-added'],
  ],
  [
    'elements have to differ',
    sent({ type: 'array', items: TEXT }),
    sent({ type: 'array', items: TEXT, uniqueItems: true }),
    ['sent-bound-narrowed'],
  ],
  [
    'versions of a media type are not mixed up',
    rest({ responses: { 201: versions({ a: TEXT }, { b: TEXT }) } }),
    rest({ responses: { 201: versions({ a: TEXT }, { b: TEXT, c: TEXT }) } }),
    ['read-property-added'],
  ],
  ['a webhook is sent no more', rest({}, webhook(object({ a: TEXT }))), rest(), ['event-removed']],
  ['a webhook more is sent', rest(), rest({}, webhook(object({ a: TEXT }))), ['event-added']],
  [
    'a field of a webhook is removed',
    rest({}, webhook(object({ a: TEXT }))),
    rest({}, webhook(object({}))),
    ['read-property-removed'],
  ],
  [
    'a field is added to a webhook',
    rest({}, webhook(object({}))),
    rest({}, webhook(object({ 'a!': TEXT }))),
    ['read-property-added'],
  ],
  [
    'a member of a variant is required',
    sent({ oneOf: [titled('A', { x: TEXT })] }),
    sent({ oneOf: [titled('A', { 'x!': TEXT })] }),
    ['sent-property-required'],
  ],
  [
    'what is deep inside is required',
    sent(object({ list: { type: 'array', items: object({ a: TEXT }) } })),
    sent(object({ list: { type: 'array', items: object({ 'a!': TEXT }) } })),
    ['sent-property-required'],
  ],
  [
    'what allOf adds is required',
    sent({ allOf: [object({ a: TEXT }), { required: ['b'] }] }),
    sent({ allOf: [object({ a: TEXT }), { required: ['a', 'b'] }] }),
    ['sent-property-required'],
  ],

  [
    'a field of an answer is removed',
    read(object({ a: TEXT, b: TEXT })),
    read(object({ a: TEXT })),
    ['read-property-removed'],
  ],
  [
    'a field of an answer is renamed',
    read(object({ a: TEXT })),
    read(object({ b: TEXT })),
    ['read-property-removed', 'read-property-added'],
  ],
  [
    'a field of an answer is write-only',
    read(object({ a: TEXT })),
    read(object({ a: { ...TEXT, writeOnly: true } })),
    ['read-property-removed'],
  ],
  [
    'a field is added to an answer',
    read(object({ a: TEXT })),
    read(object({ a: TEXT, 'b!': TEXT })),
    ['read-property-added'],
  ],
  [
    'a field of an answer may be missing',
    read(object({ 'a!': TEXT })),
    read(object({ a: TEXT })),
    ['read-property-optional'],
  ],
  [
    'a field of an answer is always there',
    read(object({ a: TEXT })),
    read(object({ 'a!': TEXT })),
    ['read-property-required'],
  ],
  [
    'an answer may be null',
    read(object({ a: TEXT })),
    read(object({ a: { type: ['string', 'null'] } })),
    ['read-type-widened'],
  ],
  [
    'an answer is null no more',
    read(object({ a: { type: ['string', 'null'] } })),
    read(object({ a: TEXT })),
    ['read-type-narrowed'],
  ],
  ['an integer becomes a number in answers', read({ type: 'integer' }), read(NUMBER), ['read-type-widened']],
  ['a number becomes an integer in answers', read(NUMBER), read({ type: 'integer' }), ['read-type-narrowed']],
  ['a number becomes a text in answers', read(NUMBER), read(TEXT), ['read-type-widened', 'read-type-narrowed']],
  [
    'an answer becomes a list',
    read(object({ a: TEXT })),
    read({ type: 'array', items: object({ a: TEXT }) }),
    ['read-type-widened', 'read-type-narrowed'],
  ],
  ['a value more is answered', read({ enum: ['a'] }), read({ enum: ['a', 'b'] }), ['read-values-added']],
  ['a value is answered no more', read({ enum: ['a', 'b'] }), read({ enum: ['a'] }), ['read-values-removed']],
  [
    'answers may be longer',
    read({ ...TEXT, maxLength: 50 }),
    read({ ...TEXT, maxLength: 100 }),
    ['read-bound-widened'],
  ],
  ['answers are shorter', read({ ...TEXT, maxLength: 100 }), read({ ...TEXT, maxLength: 50 }), ['read-bound-narrowed']],
  [
    'answers have another form',
    read({ ...TEXT, format: 'date' }),
    read({ ...TEXT, format: 'date-time' }),
    ['read-pattern-changed'],
  ],
  ['answers have a form', read(TEXT), read({ ...TEXT, format: 'uuid' }), ['read-pattern-added']],
  [
    'a variant more is answered',
    read({ oneOf: [titled('A')] }),
    read({ oneOf: [titled('A'), titled('B')] }),
    ['read-variant-added'],
  ],
  [
    'a variant is answered no more',
    read({ oneOf: [titled('A'), titled('B')] }),
    read({ oneOf: [titled('A')] }),
    ['read-variant-removed'],
  ],
  [
    'a shared schema changes',
    read(ref, shared(object({ a: TEXT }))),
    read(ref, shared(object({}))),
    ['read-property-removed'],
  ],
  ['a schema is moved to the components', read(object({ a: TEXT })), read(ref, shared(object({ a: TEXT }))), []],
  [
    'a recursive schema changes',
    read(ref, shared(object({ next: ref, a: TEXT }))),
    read(ref, shared(object({ next: ref }))),
    ['read-property-removed'],
  ],
]

const EVENTS: readonly Pair[] = [
  ['nothing changes', events({ a: event(object({ x: TEXT })) }), events({ a: event(object({ x: TEXT })) }), []],
  [
    'an event is published no more',
    events({ a: event({}), b: event({}) }),
    events({ a: event({}) }),
    ['event-removed'],
  ],
  ['the first event is published', events({}), events({ a: event({}) }), ['event-added']],
  [
    'an event more is published on a channel',
    events({ a: event({}) }),
    events({ a: event({}), b: event({}) }),
    ['event-added-to-channel'],
  ],
  [
    'an event is received no more',
    events({ a: event({}), b: event({}) }, 'receive'),
    events({ a: event({}) }, 'receive'),
    ['received-event-removed'],
  ],
  [
    'a channel moves',
    events({ a: event({}) }, 'send', 'orders'),
    events({ a: event({}) }, 'send', 'orders.v2'),
    ['channel-address'],
  ],
  [
    'events are of another format',
    events({ a: event({}) }),
    events({ a: event({}, { contentType: 'application/avro' }) }),
    ['event-content-type'],
  ],
  [
    'a field of what is published is removed',
    events({ a: event(object({ x: TEXT })) }),
    events({ a: event(object({})) }),
    ['read-property-removed'],
  ],
  [
    'a field is added to what is published',
    events({ a: event(object({})) }),
    events({ a: event(object({ 'x!': TEXT })) }),
    ['read-property-added'],
  ],
  [
    'a value more is published',
    events({ a: event({ enum: ['x'] }) }),
    events({ a: event({ enum: ['x', 'y'] }) }),
    ['read-values-added'],
  ],
  [
    'a field of what is received is required',
    events({ a: event(object({ x: TEXT })) }, 'receive'),
    events({ a: event(object({ 'x!': TEXT })) }, 'receive'),
    ['sent-property-required'],
  ],
]

const PROTO: readonly Pair[] = [
  ['only comments change', message('string id = 1; // a'), message('/* b */ string id = 1;'), []],
  ['the package is another', proto(''), { path: 'orders.proto', text: 'package orders.v2;' }, ['proto-package']],
  ['a message is removed', proto('message A {} message B {}'), proto('message A {}'), ['proto-message-removed']],
  [
    'a message is added',
    proto('message A {}'),
    proto('message A {} message B { message C {} }'),
    ['proto-message-added', 'proto-message-added'],
  ],
  ['a field is removed', message('string a = 1;', 'string b = 2;'), message('string a = 1;'), ['proto-field-removed']],
  [
    'a field is removed, its number reserved',
    message('string a = 1;', 'string b = 2;'),
    message('string a = 1;', 'reserved 2; reserved "b";'),
    ['proto-field-reserved'],
  ],
  [
    'a field is added',
    message('string a = 1;'),
    message('string a = 1;', 'map<string, int32> b = 2 [deprecated = true];'),
    ['proto-field-added'],
  ],
  [
    'a required field is added',
    message('string a = 1;'),
    message('string a = 1;', 'required string b = 2;'),
    ['proto-field-required'],
  ],
  ['a field is renumbered', message('string a = 1;'), message('string a = 2;'), ['proto-field-renumbered']],
  [
    'two fields swap their numbers',
    message('string a = 1;', 'string b = 2;'),
    message('string a = 2;', 'string b = 1;'),
    ['proto-field-renumbered', 'proto-field-renumbered'],
  ],
  ['a reserved number is used', message('reserved 2 to 5;'), message('string b = 3;'), ['proto-number-reused']],
  ['a field is renamed', message('string a = 1;'), message('string b = 1;'), ['proto-field-renamed']],
  ['a field is of another type', message('string a = 1;'), message('int32 a = 1;'), ['proto-field-type']],
  ['a field is of a wider type', message('int32 a = 1;'), message('int64 a = 1;'), ['proto-field-wire-type']],
  ['a field is of another message', message('A a = 1;'), message('B a = 1;'), ['proto-field-type']],
  ['a field is repeated', message('string a = 1;'), message('repeated string a = 1;'), ['proto-field-label']],
  ['a field is optional', message('string a = 1;'), message('optional string a = 1;'), ['proto-field-presence']],
  [
    'a field moves into a oneof',
    message('string a = 1;'),
    message('oneof one { string a = 1; }'),
    ['proto-field-oneof'],
  ],
  ['an enum is removed', proto('enum A { X = 0; }'), proto(''), ['proto-enum-removed']],
  ['a value is added', proto('enum A { X = 0; }'), proto('enum A { X = 0; Y = 1; }'), ['proto-value-added']],
  ['a value is removed', proto('enum A { X = 0; Y = 1; }'), proto('enum A { X = 0; }'), ['proto-value-removed']],
  [
    'a value is removed, its number reserved',
    proto('enum A { X = 0; Y = 1; }'),
    proto('enum A { X = 0; reserved 1; }'),
    ['proto-value-reserved'],
  ],
  [
    'a value is renumbered',
    proto('enum A { X = 0; Y = 1; }'),
    proto('enum A { X = 0; Y = 2; }'),
    ['proto-value-renumbered'],
  ],
  ['a value is renamed', proto('enum A { X = 0; }'), proto('enum A { Z = 0; }'), ['proto-value-renamed']],
  ['a service is removed', proto('service S {}'), proto(''), ['proto-service-removed']],
  [
    'a method is removed',
    proto('service S { rpc Get (A) returns (B); }'),
    proto('service S {}'),
    ['proto-method-removed'],
  ],
  [
    'a method is added',
    proto('service S {}'),
    proto('service S { rpc Get (A) returns (B) { option idempotency_level = NO_SIDE_EFFECTS; } }'),
    ['proto-method-added'],
  ],
  [
    'a method takes another message',
    proto('service S { rpc Get (A) returns (B); }'),
    proto('service S { rpc Get (C) returns (B); }'),
    ['proto-method-type'],
  ],
  [
    'a method returns a stream',
    proto('service S { rpc Get (A) returns (B); }'),
    proto('service S { rpc Get (A) returns (stream B); }'),
    ['proto-method-stream'],
  ],
]

const SQL: readonly Pair[] = [
  ['only comments change', sql(), sql('-- nothing; /* at all */\n'), []],
  [
    'a table is made, with all that is in it',
    sql(),
    sql('create table t (id uuid primary key, x text not null); create index on t (x); alter table t drop column x;'),
    ['sql-created'],
  ],
  ['a table is dropped', sql(), sql('drop table if exists orders cascade;'), ['sql-table-dropped']],
  ['a table is renamed', sql(), sql('ALTER TABLE orders RENAME TO purchases;'), ['sql-table-renamed']],
  ['a column is dropped', sql(), sql('alter table public.orders drop column note;'), ['sql-column-dropped']],
  ['a column is renamed', sql(), sql('alter table "orders" rename column note to remark;'), ['sql-column-renamed']],
  [
    'two columns are changed at once',
    sql(),
    sql('alter table orders drop column note, add column remark text;'),
    ['sql-column-dropped', 'sql-column-added'],
  ],
  ['a column that may be null is added', sql(), sql('alter table orders add remark text;'), ['sql-column-added']],
  [
    'a column with a default is added',
    sql(),
    sql("alter table orders add column remark text not null default 'a; b';"),
    ['sql-column-added'],
  ],
  [
    'a column without a default is required',
    sql(),
    sql('alter table orders add column remark text not null;'),
    ['sql-column-required'],
  ],
  [
    'a column with a value for each row is added',
    sql(),
    sql('alter table orders add column token uuid not null default gen_random_uuid();'),
    ['sql-column-rewrites'],
  ],
  [
    'a column that refers to a table is added',
    sql(),
    sql('alter table orders add column user_id uuid references users;'),
    ['sql-constraint-added', 'sql-column-added'],
  ],
  [
    'a column has another type',
    sql(),
    sql('alter table orders alter column note type integer using note::integer;'),
    ['sql-type-changed'],
  ],
  ['a text is shorter', sql(), sql('alter table orders alter note type varchar(50);'), ['sql-type-changed']],
  ['a text is longer', sql(), sql('alter table orders alter note type varchar(200);'), ['sql-type-widened']],
  [
    'an integer is larger',
    sql(),
    sql('alter table orders alter quantity set data type bigint;'),
    ['sql-type-rewritten'],
  ],
  ['a number has more digits', sql(), sql('alter table orders alter price type numeric(14, 2);'), ['sql-type-widened']],
  [
    'a number has fewer digits',
    sql(),
    sql('alter table orders alter price type numeric(10, 2);'),
    ['sql-type-changed'],
  ],
  ['a column is not null', sql(), sql('alter table orders alter column note set not null;'), ['sql-not-null']],
  [
    'a column with a default is not null',
    sql(),
    sql("alter table orders alter status set default 'open'; alter table orders alter status set not null;"),
    ['sql-not-null-with-default', 'sql-default-set'],
  ],
  ['a column may be null', sql(), sql('alter table orders alter price drop not null;'), ['sql-nullable']],
  ['a default is dropped', sql(), sql('alter table orders alter quantity drop default;'), ['sql-default-dropped']],
  [
    'a constraint is added',
    sql(),
    sql('alter table orders add constraint c check (quantity > 0) not valid;'),
    ['sql-constraint-added'],
  ],
  [
    'a constraint is dropped',
    sql(),
    sql('alter table orders drop constraint orders_price_check;'),
    ['sql-constraint-dropped'],
  ],
  ['an index is built', sql(), sql('create index orders_by_status on orders (status);'), ['sql-index-locks']],
  [
    'an index is built beside the work',
    sql(),
    sql('create index concurrently orders_by_status on orders (status);'),
    ['sql-created'],
  ],
  [
    'a unique index is built',
    sql(),
    sql('create unique index concurrently k on orders (status);'),
    ['sql-index-unique'],
  ],
  ['an index is dropped', sql(), sql('drop index orders_note_key;'), ['sql-index-dropped']],
  ['a view is dropped', sql(), sql('drop view open_orders;'), ['sql-view-dropped']],
  [
    'a view is replaced',
    sql(),
    sql("create or replace view open_orders as select * from orders where status = 'open';"),
    ['sql-view-replaced'],
  ],
  ['a function is dropped', sql(), sql('drop function f(integer);'), ['sql-object-dropped']],
  [
    'a trigger is made',
    sql(),
    sql('create trigger t before insert on orders for each row execute function f();'),
    ['sql-trigger'],
  ],
  ['a value of an enum is added', sql(), sql("alter type status add value 'paid';"), ['sql-enum-value-added']],
  [
    'a value of an enum is renamed',
    sql(),
    sql("alter type status rename value 'paid' to 'settled';"),
    ['sql-enum-value-renamed'],
  ],
  ['rights are revoked', sql(), sql('revoke select on orders from app;'), ['sql-rights-revoked']],
  ['rows are deleted', sql(), sql('delete from orders where status is null;'), ['sql-rows-removed']],
  ['rows are changed', sql(), sql("update orders set status = 'open';"), ['sql-rows-changed']],
  ['a block of code runs', sql(), sql('do $$ begin drop table orders; end $$;'), ['sql-not-seen']],
  [
    'rows are inserted, and comments made',
    sql(),
    sql("insert into orders (id) values ('x'); comment on table orders is 'drop table orders;';"),
    [],
  ],
  [
    'a whole schema lacks a column',
    schema('create table a (x text, y text);'),
    schema('create table a (x text);'),
    ['sql-column-dropped'],
  ],
  [
    'a whole schema has a column more',
    schema('create table a (x text);'),
    schema('create table a (y text not null, x text);'),
    ['sql-column-required'],
  ],
  [
    'a whole schema has another type',
    schema('create table a (x text, y int);'),
    schema('create table a (x integer, y integer);'),
    ['sql-type-changed'],
  ],
  [
    'a whole schema has a constraint more',
    schema('create table a (x text);'),
    schema('create table a (x text, unique (x));'),
    ['sql-constraint-added'],
  ],
]

describe.each([
  ['REST', REST],
  ['events', EVENTS],
  ['protobuf', PROTO],
  ['SQL', SQL],
])('%s', (_, pairs) => {
  test.each(pairs)('%s', (_, old, now, changes) => {
    expect(compareFiles(old, now).map(({ kind }) => kind)).toEqual(changes)
  })
})

describe('folders', () => {
  const migrations = (files: Record<string, string>) =>
    new Map(Object.entries(files).map(([name, text]) => [`migrations/${name}`, text]))
  const first = { '1.sql': 'create table a (x text);' }

  test.each([
    [
      'a new migration is judged by the schema before it',
      first,
      { ...first, '2.sql': 'alter table a alter x type varchar;' },
      ['sql-type-widened'],
    ],
    [
      'a migration that was there is changed',
      first,
      { '1.sql': 'create table a (x integer);' },
      ['sql-migration-changed'],
    ],
    ['comments of a migration are changed', first, { '1.sql': '-- The first.\ncreate table a (x text);' }, []],
    ['a migration that was there is removed', first, {}, ['sql-migration-changed']],
  ] as const)('%s', (_, old, now, changes) => {
    expect(compareTrees(migrations(old), migrations(now)).map(({ kind }) => kind)).toEqual(changes)
  })

  test('documents are compared by their path, and others are left out', () => {
    const old = new Map([
      ['a/openapi.yaml', rest().text],
      ['README.md', 'old'],
      ['b.proto', proto('').text],
      ['lock.json', '{"a":1}'],
    ])
    const now = new Map([
      ['a/openapi.yaml', rest({ deprecated: true }).text],
      ['c.yaml', events({}).text],
      ['lock.json', '{"a":2}'],
    ])
    expect(compareTrees(old, now).map(({ kind, file }) => [kind, file])).toEqual([
      ['document-removed', 'b.proto'],
      ['operation-deprecated', 'a/openapi.yaml'],
      ['document-added', 'c.yaml'],
    ])
  })

  test('references lead into files of their own state', () => {
    const document = sent({ $ref: 'schemas/order.yaml#/Order' }).text
    const state = (schema: string) =>
      new Map([
        ['openapi.yaml', document],
        ['schemas/order.yaml', `Order: ${schema}`],
      ])
    const [change] = compareTrees(state('{ type: [string, "null"] }'), state('{ type: string }'))
    expect(change).toMatchObject({ kind: 'sent-type-narrowed', where: 'POST /orders body' })
  })
})

test.each([...REST, ...EVENTS, ...PROTO, ...SQL])('%s: neither state differs from itself', (_, old, now) => {
  expect(compareFiles(old, old)).toEqual([])
  expect(compareFiles(now, now)).toEqual([])
})

test('what is written as text is written the same in any style', () => {
  expect(compareFiles(rest(query('q')), rest(query('q', TEXT, { explode: false })))).toEqual([])
})

test.each([
  [sent({ ...TEXT, maxLength: 100 }), sent({ ...TEXT, maxLength: 50 }), 'has the maxLength 50, not 100'],
  [sent(TEXT), sent({ ...TEXT, maxLength: 50 }), 'has the new maxLength 50'],
  [sent({ ...TEXT, pattern: '^a' }), sent(TEXT), 'has no pattern any more (it was ^a)'],
  [sent({ ...TEXT, default: 'x' }), sent({ ...TEXT, default: 'y' }), 'has the default "y", not "x"'],
])('what has changed reads as a sentence', (old, now, what) => {
  expect(compareFiles(old, now)).toMatchObject([{ where: 'POST /orders body', what }])
})

test('every kind of change stands in the tables above', () => {
  const shown = new Set([...REST, ...EVENTS, ...PROTO, ...SQL].flatMap(([, , , changes]) => changes))
  const ofFolders = ['document-removed', 'document-added', 'sql-migration-changed']
  expect([...shown, ...ofFolders].sort()).toEqual(Object.keys(KINDS).sort())
})

test('there are 60 pairs at least', () => {
  expect([REST, EVENTS, PROTO, SQL].flat().length).toBeGreaterThanOrEqual(60)
})

function item(name: string, schema: object = TEXT): Record<string, unknown> {
  return { [`/orders/{${name}}`]: { get: { parameters: [{ name, in: 'path', required: true, schema }] } } }
}

function servers(...urls: readonly string[]): { servers: { url: string }[] } {
  return { servers: urls.map((url) => ({ url })) }
}

function body(required: boolean, type = 'application/json'): object {
  return { required, content: { [type]: { schema: { type: 'string' } } } }
}

function versions(one: Record<string, unknown>, two: Record<string, unknown>): object {
  const content = {
    'application/json; version=1': { schema: object(one) },
    'application/json;version=2': { schema: object(two) },
  }
  return { description: 'Created.', content }
}

function webhook(schema: unknown): Readonly<Record<string, unknown>> {
  return { webhooks: { paid: { post: { requestBody: { content: { 'application/json': { schema } } } } } } }
}

function closed(properties: Record<string, unknown>): Readonly<Record<string, unknown>> {
  return object(properties, { additionalProperties: false })
}

function titled(title: string, properties: Record<string, unknown> = {}): Readonly<Record<string, unknown>> {
  return object(properties, { title })
}
