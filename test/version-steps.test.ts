import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invalid } from '../src/base/errors.ts'
import { olderShape, resource, service, t } from '../src/contract/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send, type Wired } from './wire.ts'

/** As version 3 has it; two steps lie between it and version 1. */
const Parcel = resource('parcel', {
  id: 'pcl',
  fields: {
    sender: t.object({ given: t.text({ min: 1 }), family: t.text({ min: 1 }) }),
    grams: t.integer({ min: 1 }),
    grade: t.oneOf('plain', 'express').default('plain').only('admin'),
  },
  list: { sort: ['grams'] },
  access: { list: 'public', get: 'public', create: 'public', replace: 'public', update: 'public', delete: 'public' },
})
const contract = service('parcels', {
  resources: { parcels: Parcel },
  latest: 3,
  older: {
    1: {
      deprecated: '2025-01-01',
      sunset: '2027-06-30T12:00:00Z',
      shapes: {
        parcels: olderShape({
          without: ['grams', 'grade'],
          // Whoever wrote this forgot that grade is not for everybody.
          added: { kilos: t.decimal({ scale: 3, min: 0.001 }), express: t.boolean().default(false) },
          up: ({ kilos, express, ...rest }) => ({
            ...rest,
            ...(kilos === undefined ? {} : { grams: Math.round((kilos as number) * 1000) }),
            ...(express === undefined ? {} : { grade: express ? 'express' : 'plain' }),
          }),
          down: ({ grams, grade, ...rest }) => ({
            ...rest,
            kilos: (grams as number) / 1000,
            express: grade === 'express',
          }),
        }),
      },
    },
    2: {
      deprecated: '2026-06-01',
      shapes: {
        parcels: olderShape({
          without: ['sender'],
          added: { senderName: t.text({ min: 1 }) },
          up: ({ senderName, ...rest }) =>
            senderName === undefined ? rest : { ...rest, sender: named(senderName as string) },
          down: ({ sender, ...rest }) => {
            const { given, family } = sender as { given: string; family: string }
            return { ...rest, senderName: `${given} ${family}` }
          },
        }),
      },
    },
  },
})

function named(name: string) {
  const [given, family, ...more] = name.split(' ')
  if (more.length > 0) throw invalid('senderName', 'must be two names')
  return { given, family: family ?? '' }
}

const SQL = `create table parcels (
  id uuid primary key, sender jsonb not null, grams integer not null, grade text not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
)`

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, {}, SQL)
})
afterAll(() => running?.stop())

function ask(method: string, path: string, body?: unknown): Promise<Wired> {
  const headers = { 'content-type': 'application/json' }
  return send(running.url, method, path, body === undefined ? {} : { headers, body: JSON.stringify(body) })
}

/** One thing, as each version shows it. */
async function shownIn(id: string): Promise<unknown[]> {
  const replies = await Promise.all([1, 2, 3].map((version) => ask('GET', `/v${version}/parcels/${id}`)))
  return replies.map(({ body: { id: same, version, createdAt, updatedAt, ...rest } }) => rest)
}

const SHAPES = [
  { senderName: 'Kari Moe', kilos: 1.5, express: false },
  { senderName: 'Kari Moe', grams: 1500, grade: 'plain' },
  { sender: { given: 'Kari', family: 'Moe' }, grams: 1500, grade: 'plain' },
]
const LEAST = [
  { senderName: 'Kari Moe', kilos: 1.5 },
  { senderName: 'Kari Moe', grams: 1500 },
  { sender: { given: 'Kari', family: 'Moe' }, grams: 1500 },
]

describe.each([1, 2, 3])('version %i', (version) => {
  const path = `/v${version}/parcels`
  const shape = SHAPES[version - 1]!
  const least = LEAST[version - 1]!

  test('R-VER-2: what is created in one version is there in every other, step by step', async () => {
    const made = await ask('POST', path, least)
    expect(made).toMatchObject({ status: 201, body: shape })
    expect(made.headers.location).toBe(`${path}/${made.body.id}`)
    expect(await shownIn(made.body.id)).toEqual(SHAPES)
    const { data } = (await ask('GET', `${path}?sort=-grams`)).body
    expect(data.find(({ id }: { id: string }) => id === made.body.id)).toEqual(made.body)
  })

  test('R-VER-2: PUT and PATCH take the shape of the version', async () => {
    const { id } = (await ask('POST', '/v3/parcels', { sender: { given: 'A', family: 'B' }, grams: 1 })).body
    expect(await ask('PUT', `${path}/${id}`, least)).toMatchObject({ status: 200, body: shape })
    expect(await shownIn(id)).toEqual(SHAPES)
    expect(await ask('PATCH', `${path}/${id}`, version === 1 ? { kilos: 2 } : { grams: 2000 })).toMatchObject({
      status: 200,
    })
    expect((await shownIn(id))[2]).toEqual({ ...SHAPES[2], grams: 2000 })
    expect(await ask('PATCH', `${path}/${id}`, {})).toMatchObject({ status: 200, body: { version: 3 } })
  })

  test('R-VER-2: fields and faults are named as the version names them, and other versions’ fields are unknown', async () => {
    const { id } = (await ask('POST', path, least)).body
    const [name] = Object.keys(shape)
    expect((await ask('GET', `${path}/${id}?fields=${name}`)).body).toEqual({ id, [name!]: Object.values(shape)[0] })
    const others = SHAPES.flatMap((other) => Object.keys(other)).filter((field) => !(field in shape))
    const wrong = await ask('POST', path, Object.fromEntries([...new Set(others)].map((field) => [field, 1])))
    expect(wrong.status).toBe(400)
    expect(wrong.body.error.details.map((fault: { field: string }) => fault.field)).toEqual([
      ...Object.keys(least),
      ...new Set(others),
    ])
    for (const field of others) expect((await ask('GET', `${path}?fields=${field}`)).status, field).toBe(400)
  })

  test('R-VER-2: each version has a document of its own', async () => {
    const { components } = (await ask('GET', `/v${version}/openapi.json`)).body
    const shown = Object.values<any>(components.schemas).find((schema) => 'createdAt' in (schema.properties ?? {}))
    expect(Object.keys(shown.properties)).toEqual(['id', ...Object.keys(shape), 'version', 'createdAt', 'updatedAt'])
  })
})

test('R-VER-2: a transform may refuse what has no counterpart, in its version’s words', async () => {
  const reply = await ask('POST', '/v1/parcels', { senderName: 'Kari Anne Moe', kilos: 1 })
  expect(reply).toMatchObject({ status: 400, body: { error: { details: [{ field: 'senderName' }] } } })
  // What a transform makes is checked as the newest version has it.
  expect(await ask('POST', '/v2/parcels', { senderName: 'Cher', grams: 1 })).toMatchObject({ status: 400 })
  const { id } = (await ask('POST', '/v2/parcels', LEAST[1])).body
  expect(await ask('PATCH', `/v2/parcels/${id}`, { senderName: 'Cher' })).toMatchObject({ status: 400 })
})

test('R-VER-2 R-AUTH-8: no older version is a way around who may set a field', async () => {
  const { id } = (await ask('POST', '/v3/parcels', LEAST[2])).body
  const given = [{ express: true }, { grade: 'express' }, { grade: 'express' }]
  for (const [i, extra] of given.entries()) {
    const path = `/v${i + 1}/parcels`
    expect((await ask('POST', path, { ...LEAST[i], ...extra })).status, path).toBe(403)
    expect((await ask('PUT', `${path}/${id}`, { ...LEAST[i], ...extra })).status, path).toBe(403)
    expect((await ask('PATCH', `${path}/${id}`, extra)).status, path).toBe(403)
    expect((await ask('POST', path, { ...LEAST[i], express: i === 0 ? false : undefined })).status, path).toBe(201)
  }
  expect((await shownIn(id))[2]).toEqual(SHAPES[2])
})

test('R-VER-3: a deprecated version says since when, and until when if that is known, with every answer', async () => {
  const { id } = (await ask('POST', '/v3/parcels', LEAST[2])).body
  const asked: [string, string, number, unknown?][] = [
    ['GET', '/parcels', 200],
    ['HEAD', '/parcels', 200],
    ['OPTIONS', '/parcels', 204],
    ['GET', `/parcels/${id}`, 200],
    ['PATCH', `/parcels/${id}`, 200, {}],
    ['POST', '/parcels', 400, {}],
    ['GET', '/parcels/pcl_x', 404],
    ['POST', `/parcels/${id}`, 405, {}],
  ]
  for (const [method, path, status, body] of asked) {
    const [first, second, third] = await Promise.all(
      [1, 2, 3].map((version) => ask(method, `/v${version}${path}`, body)),
    )
    expect(first!.status, `${method} ${path}`).toBe(status)
    // RFC 9745 has a structured date, RFC 8594 an HTTP date.
    expect(first!.headers).toMatchObject({ deprecation: '@1735689600', sunset: 'Wed, 30 Jun 2027 12:00:00 GMT' })
    expect(second!.headers).toMatchObject({ deprecation: '@1780272000' })
    expect(second!.headers.sunset).toBeUndefined()
    expect(third!.headers.deprecation).toBeUndefined()
    expect(third!.headers.sunset).toBeUndefined()
  }
})

test('R-VER-3: also where it was asked for by header or query, or by nothing', async () => {
  const get = (path: string, headers = {}) => send(running.url, 'GET', path, { headers })
  for (const reply of [
    await get('/parcels'),
    await get('/parcels?version=1'),
    await get('/parcels', { accept: 'application/json;version=1' }),
  ])
    expect(reply.headers).toMatchObject({ 'api-version': '1', deprecation: '@1735689600' })
  expect((await get('/parcels', { accept: 'application/json;version=3' })).headers.deprecation).toBeUndefined()
})

test('R-VER-1: an unknown version lists all that exist', async () => {
  const { body } = await ask('GET', '/v4/parcels')
  expect(body.error).toMatchObject({ code: 'UNSUPPORTED_VERSION', message: expect.stringContaining('1, 2, 3') })
})
