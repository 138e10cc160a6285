import { beforeAll, expect, test } from 'vitest'
import { reference, type User } from './reference.ts'
import { send, type Wired } from './wire.ts'

const api = reference()

let ann: User
beforeAll(async () => {
  ann = await api.user()
})

/** Registers, in JSON that the test writes itself. */
function post(body: string | Uint8Array, chunked = false): Promise<Wired> {
  return send(api.url, 'POST', '/users', { headers: { 'content-type': 'application/json' }, body, chunked })
}

function patch(body: string): Promise<Wired> {
  const headers = { 'content-type': 'application/merge-patch+json', authorization: `Bearer ${ann.token}` }
  return send(api.url, 'PATCH', `/users/${ann.id}`, { headers, body })
}

function expectMalformed({ status, body }: Wired, where: string, fields?: string[]) {
  expect(status, where).toBe(400)
  expect(body.error.code, where).toBe('MALFORMED_JSON')
  expect(body.error.message.length, where).toBeGreaterThan(10)
  expect(
    body.error.details?.map((fault: { field: string }) => fault.field),
    where,
  ).toEqual(fields)
}

test('R-REST-4 R-BODY-6: what is no JSON is a 400 MALFORMED_JSON, for POST and PATCH', async () => {
  const broken = [
    '{',
    '{"name"',
    '{"name":',
    '{"name":"a',
    '{"name":"a"',
    '{"name":"a",}',
    '{"name":"a" "email":"b"}',
    '{"name":"a"}}',
    '{"name":"a"}{"name":"a"}',
    '{"name":"a"} x',
    '{,}',
    '[1,]',
    '[1',
    "{'name':'a'}",
    '{name:"a"}',
    '{"name":NaN}',
    '{"name":Infinity}',
    '{"name":-Infinity}',
    '{"name":undefined}',
    '{"name":True}',
    '{"name":01}',
    '{"name":+1}',
    '{"name":.5}',
    '{"name":1.}',
    '{"name":1e}',
    '{"name":0x10}',
    '{"name":1_000}',
    '{"name":"a\tb"}',
    '{"name":"a\nb"}',
    '{"name":"\\x41"}',
    '{"name":"\\u12"}',
    '{"name":"a"} // done',
    '{/* a */"name":"a"}',
    '\u00a0{}',
    '\u2028{}',
    ' ',
    '\n',
    'name=a&email=b',
    '<user/>',
    '--',
    '\\',
  ]
  for (const body of broken) {
    expectMalformed(await post(body), body)
    expectMalformed(await patch(body), body)
  }
  expectMalformed(await post('', true), 'an empty body that was announced')
})

test('R-BODY-4: the message says where the mistake is', async () => {
  expect((await post('{\n  "name": "a",\n}')).body.error.message).toMatch(/line 3, column 1/)
})

test('R-BODY-4: duplicate keys are a 400 that names them, also nested, and however they are written', async () => {
  expectMalformed(await post('{"name":"a","name":"b"}'), 'twice', ['name'])
  expectMalformed(await post('{"name":"a","name":"a"}'), 'the same twice', ['name'])
  expectMalformed(await post('{"name":"a","n\\u0061me":"b"}'), 'escaped', ['name'])
  expectMalformed(await post('{"a":{"b":[{"c":1,"c":2}]},"d":1,"d":2}'), 'nested', ['a.b[0].c', 'd'])
  expectMalformed(await patch('{"name":"a","name":"b"}'), 'in a patch', ['name'])
  expectMalformed(await patch('{"name":null,"name":null}'), 'null in a patch', ['name'])
})

test('R-BODY-4: __proto__ is a 400 wherever it stands, and pollutes nothing', async () => {
  for (const [body, field] of [
    ['{"__proto__":{"role":"admin"}}', '__proto__'],
    ['{"name":"a","\\u005f_proto__":{"role":"admin"}}', '__proto__'],
    ['{"items":[{"__proto__":null}]}', 'items[0].__proto__'],
  ] as const) {
    expectMalformed(await post(body), body, [field])
    expectMalformed(await patch(body), body, [field])
  }
  const inherited = await patch('{"constructor":{"prototype":{"role":"admin"}}}')
  expect(inherited).toMatchObject({ status: 400, body: { error: { details: [{ field: 'constructor' }] } } })
  expect(({} as { role?: string }).role).toBeUndefined()
})

test('R-BODY-4: NUL and half a surrogate pair in text are a 400 that names the field', async () => {
  const text = ['\\u0000', 'a\\u0000b', '\\ud800', 'a\\udc00', '\\ud83c\\ud83c', '\\udf75\\ud83c', '\\ud83c \\udf75']
  for (const name of text) {
    expectMalformed(await post(`{"name":"${name}"}`), name, ['name'])
    expectMalformed(await patch(`{"name":"${name}"}`), name, ['name'])
    expect((await post(`{"${name}":1}`)).status, `key ${name}`).toBe(400)
  }
  expect((await patch('{"name":"\\ud83c\\udf75"}')).body).toMatchObject({ name: '🍵' })
})

test('R-BODY-4: depth over 64 is a 400; 64 is read', async () => {
  const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  for (const nested of [lists, objects]) {
    expectMalformed(await post(nested(65)), '65 deep')
    expect((await post(nested(64))).body.error.code).toBe('VALIDATION_ERROR')
  }
  expect((await post(`{"name":${lists(63)}}`)).body.error).toMatchObject({
    code: 'VALIDATION_ERROR',
    details: [{ field: 'email' }, { field: 'name' }],
  })
})

test('R-BODY-4: a body that is all brackets, keys, digits or escapes is refused at once', async () => {
  const MIB = 1024 * 1024
  const heavy: [string, string[]?][] = [
    ['['.repeat(MIB)],
    ['{"a":'.repeat(MIB / 5)],
    [' '.repeat(MIB)],
    [`{"name":${'-'.repeat(MIB - 9)}}`],
    [`{"name":"${'\\'.repeat(MIB - 13)}"}`],
    [`{"name":${'9'.repeat(MIB - 9)}}`, ['name']],
    [`{"name":0.${'0'.repeat(MIB - 12)}1}`, ['name']],
    [`{"name":"${'\\u0000'.repeat(MIB / 6 - 3)}"}`, ['name']],
  ]
  const began = performance.now()
  for (const [body, fields] of heavy) expectMalformed(await post(body), body.slice(0, 20), fields)
  // Far more than it takes, but what is quadratic takes minutes.
  expect(performance.now() - began).toBeLessThan(5000)
})

test('R-BODY-4: bytes that are no UTF-8, and a byte-order mark, are a 400', async () => {
  const name = (...bytes: number[]) => Buffer.concat([Buffer.from('{"name":"'), Buffer.from(bytes), Buffer.from('"}')])
  const wrong: [string, Uint8Array][] = [
    ['a stray continuation', name(0x80)],
    ['a cut sequence', name(0xe2, 0x82)],
    ['an overlong slash', name(0xc0, 0xaf)],
    ['an overlong NUL', name(0xc0, 0x80)],
    ['a surrogate (CESU-8)', name(0xed, 0xa0, 0x80)],
    ['beyond Unicode', name(0xf4, 0x90, 0x80, 0x80)],
    ['Latin-1', name(0xe9)],
    ['0xff', name(0xff)],
    ['a byte-order mark', Buffer.from('\ufeff{"name":"a"}')],
    ['UTF-16', Buffer.from('\ufeff{"name":"a"}', 'utf16le')],
    ['UTF-16 without a mark', Buffer.from('{"name":"a"}', 'utf16le')],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0])],
  ]
  for (const [what, body] of wrong) expectMalformed(await post(body), what)
})

test('R-BODY-3 R-BODY-4: a number that cannot be held as it was sent is a 400, never another number', async () => {
  const numbers = [
    '1e400',
    '-1e400',
    '1e-400',
    '9007199254740993',
    '12345678901234567890',
    '0.1000000000000000055511151231257827',
    '1.00000000000000000001',
    '1e999999999999',
  ]
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${api.admin.token}` }
  for (const number of numbers) {
    const body = `{"sku":"n","name":"n","category":"n","price":${number}}`
    expectMalformed(await send(api.url, 'POST', '/products', { headers, body }), number, ['price'])
  }
})

test('R-BODY-4: a number is a number however it is written', async () => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${api.admin.token}` }
  for (const [i, [written, price]] of (
    [
      ['1e1', 10],
      ['1.50', 1.5],
      ['150e-2', 1.5],
      ['0.0', 0],
      ['-0', 0],
      ['1E+2', 100],
    ] as const
  ).entries()) {
    const body = `{"sku":"w${i}","name":"n","category":"n","price":${written},"stock":1.0}`
    const made = await send(api.url, 'POST', '/products', { headers, body })
    expect(made, written).toMatchObject({ status: 201, body: { price, stock: 1 } })
    expect(made.text, written).not.toMatch(/-0/)
  }
})

test('R-BODY-4: white space and escapes mean nothing, and a body in pieces is the same body', async () => {
  const body = '\r\n\t {\n"n\\u0061me" :\t"Ann \\u00c6\\/"\r}\n'
  expect(await patch(body)).toMatchObject({ status: 200, body: { name: 'Ann Æ/' } })
  expect((await post('{}', true)).body.error.code).toBe('VALIDATION_ERROR')
})

test('R-BODY-4 R-BODY-5: many or long unknown fields do not make an answer that is larger than the request', async () => {
  const members = (count: number) => Array.from({ length: count }, (_, i) => `"${i.toString(36)}":1`).join(',')
  const refused = async (path: string, body: string, status = 400, code = 'VALIDATION_ERROR') => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${ann.token}` }
    const reply = await send(api.url, 'POST', path, { headers, body })
    expect(reply).toMatchObject({ status, body: { error: { code } } })
    expect(reply.text.length).toBeLessThan(Math.max(body.length, 10_000))
    return reply.body.error.details
  }
  await refused('/users', `{${members(100_000)}}`)
  const fields = await refused('/users', `{${members(1_900)},"name":5}`)
  expect(fields).toEqual(expect.arrayContaining([{ field: '0', message: 'is not a field of this request' }]))
  // What the contract names is named, however much else there is.
  expect(fields).toEqual(expect.arrayContaining([{ field: 'name', message: 'must be a string' }]))
  await refused('/users', `{"${'a'.repeat(1_000_000)}":1}`)
  const items = (count: number) =>
    `{"items":[${Array(count)
      .fill(`{${members(1_000)}}`)
      .join(',')}]}`
  await refused(`/users/${ann.id}/orders`, items(24))
  // FC-92: more than 25,000 members in objects of over 100 are too many.
  await refused(`/users/${ann.id}/orders`, items(90), 413, 'PAYLOAD_TOO_LARGE')
})
