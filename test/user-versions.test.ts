import { beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { PASSWORD, type Reply, reference, type User } from './reference.ts'

const api = reference()

let ann: User
/** A member and an admin at once, which version 1 cannot say. */
let both: any
let count = 0

beforeAll(async () => {
  ann = await api.user()
  both = (await create('/v2/users', { roles: ['member', 'admin'] })).body
})

function create(path: string, more: object, ask: { token?: string; headers?: Record<string, string> } = api.admin) {
  const body = { email: `made${++count}@example.com`, name: 'Made', password: PASSWORD, ...more }
  return api.ask('POST', path, { token: ask.token, headers: ask.headers ?? {}, body })
}

function read(path: string): Promise<Reply> {
  return api.ask('GET', path, { token: api.admin.token })
}

/** What each version shows of somebody’s roles. */
async function rolesOf({ id }: { id: string }): Promise<unknown[]> {
  const [one, two] = [(await read(`/v1/users/${id}`)).body, (await read(`/v2/users/${id}`)).body]
  expect('roles' in one || 'role' in two).toBe(false)
  return [one.role, two.roles]
}

function faultsOf({ status, body }: Reply): string[] {
  expect(status, JSON.stringify(body)).toBe(400)
  return body.error.details.map((fault: { field: string }) => fault.field)
}

const version2 = { accept: 'application/vnd.api+json;version=2' }

describe('reading', () => {
  test('R-VER-4: version 1 has a role, version 2 has roles, however the version is asked for', async () => {
    const { token } = ann
    const mine = async (path: string, headers = {}) => (await api.ask('GET', path, { token, headers })).body
    for (const path of ['/users/me', '/v1/users/me', '/users/me?version=1', '/api/v1/users/me'])
      expect(await mine(path)).toMatchObject({ role: 'member' })
    for (const path of ['/v2/users/me', '/users/me?version=2', '/api/v2/users/me'])
      expect(await mine(path)).toMatchObject({ roles: ['member'] })
    expect(await mine('/users/me', version2)).toMatchObject({ roles: ['member'] })
    expect(await rolesOf(ann)).toEqual(['member', ['member']])
    expect(await rolesOf(api.admin)).toEqual(['admin', ['admin']])
    expect(await rolesOf(both)).toEqual(['admin', ['member', 'admin']])
  })

  test('R-VER-2 R-VER-4: apart from that the versions show the same, with the same ETag', async () => {
    const [one, two] = [await read(`/v1/users/${ann.id}`), await read(`/v2/users/${ann.id}`)]
    const { role, ...same } = one.body
    const { roles, ...other } = two.body
    expect(same).toEqual(other)
    expect(Object.keys(one.body).indexOf('role')).toBe(Object.keys(two.body).indexOf('roles'))
    expect(one.headers.get('etag')).toBe(two.headers.get('etag'))
  })

  test('R-VER-4: lists are in the shape of the version, and filter by role in each', async () => {
    for (const [version, shape] of [
      ['1', { role: 'admin' }],
      ['2', { roles: expect.arrayContaining(['admin']) }],
    ] as const) {
      const { body } = await read(`/v${version}/users?role=admin`)
      expect(body.data.map((user: { id: string }) => user.id).sort()).toEqual([api.admin.id, both.id].sort())
      for (const user of body.data) expect(user).toMatchObject(shape)
      expect((await read(`/v${version}/users?role=member&limit=1`)).body.pagination.total).toBeGreaterThanOrEqual(2)
      expect(faultsOf(await read(`/v${version}/users?role=root`))).toEqual(['role'])
      expect(faultsOf(await read(`/v${version}/users?roles=admin`))).toEqual(['roles'])
    }
  })

  test('R-VER-4: fields are named as the version names them', async () => {
    for (const path of [`/users/${both.id}`, '/users']) {
      const first = ({ body }: Reply) => (path === '/users' ? body.data.find((one: any) => one.id === both.id) : body)
      expect(first(await read(`/v1${path}?fields=role`))).toEqual({ id: both.id, role: 'admin' })
      expect(first(await read(`/v2${path}?fields=roles`))).toEqual({ id: both.id, roles: ['member', 'admin'] })
      expect(first(await read(`/v1${path}?fields=name,email`))).toEqual({
        id: both.id,
        email: both.email,
        name: 'Made',
      })
      expect(faultsOf(await read(`/v1${path}?fields=roles`))).toEqual(['fields'])
      expect(faultsOf(await read(`/v2${path}?fields=role`))).toEqual(['fields'])
    }
  })
})

describe('writing', () => {
  test('R-VER-4: a user is created in the shape of the version, and answered in it', async () => {
    const cases: [string, object, unknown, unknown[]][] = [
      ['/v1/users', {}, 'member', ['member']],
      ['/v1/users', { role: 'member' }, 'member', ['member']],
      ['/v1/users', { role: 'admin' }, 'admin', ['admin']],
      ['/v2/users', {}, 'member', ['member']],
      ['/v2/users', { roles: ['admin'] }, 'admin', ['admin']],
      ['/v2/users', { roles: ['admin', 'member'] }, 'admin', ['admin', 'member']],
    ]
    for (const [path, given, role, roles] of cases) {
      const { status, body, headers } = await create(path, given)
      expect(status, JSON.stringify(given)).toBe(201)
      if (path === '/v1/users') expect(body).toMatchObject({ role })
      else expect(body).toMatchObject({ roles })
      expect('role' in body && 'roles' in body).toBe(false)
      expect(headers.get('location')).toBe(`${path}/${body.id}`)
      expect(await rolesOf(body)).toEqual([role, roles])
    }
  })

  test('R-VER-4: the other version’s field is unknown, and faults are named as the version names them', async () => {
    expect(faultsOf(await create('/v1/users', { roles: ['member'] }))).toEqual(['roles'])
    expect(faultsOf(await create('/v2/users', { role: 'member' }))).toEqual(['role'])
    for (const role of ['root', '', 5, null, ['member'], {}]) {
      expect(faultsOf(await create('/v1/users', { role }))).toEqual(['role'])
      expect(faultsOf(await change('PATCH', '/v1', { role }))).toEqual(['role'])
    }
    for (const [roles, fields] of [
      ['member', ['roles']],
      [null, ['roles']],
      [[], ['roles']],
      [
        ['root', 5],
        ['roles[0]', 'roles[1]'],
      ],
      [['member', 'member', 'member'], ['roles']],
    ] as const) {
      expect(faultsOf(await create('/v2/users', { roles }))).toEqual(fields)
      expect(faultsOf(await change('PATCH', '/v2', { roles }))).toEqual(fields)
    }
  })

  test('R-VER-4: a PATCH changes what it names, in either version, and nothing else', async () => {
    const { id } = both
    expect((await change('PATCH', '/v1', { name: 'One' })).body).toMatchObject({ name: 'One', role: 'admin' })
    expect(await rolesOf({ id })).toEqual(['admin', ['member', 'admin']])
    expect((await change('PATCH', '/v1', { role: 'member' })).body).toMatchObject({ name: 'One', role: 'member' })
    expect(await rolesOf({ id })).toEqual(['member', ['member']])
    expect((await change('PATCH', '/v2', { roles: ['member', 'admin'] })).body).toMatchObject({ name: 'One' })
    expect(await rolesOf({ id })).toEqual(['admin', ['member', 'admin']])
  })

  test('R-VER-4: a PUT replaces in the shape of the version; a role that it leaves out stays', async () => {
    const { id, email } = both
    const whole = { email, name: 'Put' }
    expect((await change('PUT', '/v1', whole)).body).toMatchObject({ name: 'Put', role: 'admin' })
    expect(await rolesOf({ id })).toEqual(['admin', ['member', 'admin']])
    expect((await change('PUT', '/v1', { ...whole, role: 'member' })).body).toMatchObject({ role: 'member' })
    expect(await rolesOf({ id })).toEqual(['member', ['member']])
    expect((await change('PUT', '/v2', { ...whole, roles: ['member', 'admin'] })).body).toMatchObject({
      roles: ['member', 'admin'],
    })
    expect(await rolesOf({ id })).toEqual(['admin', ['member', 'admin']])
    expect(faultsOf(await change('PUT', '/v1', { ...whole, roles: ['member'] }))).toEqual(['roles'])
    expect(faultsOf(await change('PUT', '/v1', { role: 'member' }))).toEqual(['email', 'name'])
  })

  test('R-VER-4 R-LOCK-2: version and If-Match mean the same in either version', async () => {
    const { version } = (await read(`/v1/users/${both.id}`)).body
    expect((await change('PATCH', '/v2', { name: 'Two', version })).status).toBe(200)
    expect((await change('PATCH', '/v1', { name: 'Late', version })).status).toBe(409)
    const headers = { 'if-match': `"${version}"` }
    expect((await change('PATCH', '/v1', { name: 'Late' }, headers)).status).toBe(412)
    expect((await change('PATCH', '/v1', { name: 'Three', version: version + 1 })).body).toMatchObject({
      name: 'Three',
    })
  })

  test('R-VER-2 R-AUTH-8: no version lets a member give themselves a role', async () => {
    for (const [version, given] of [
      ['1', { role: 'admin' }],
      ['2', { roles: ['admin'] }],
      ['2', { roles: ['member', 'admin'] }],
    ] as const) {
      const field = Object.keys(given)[0]
      const refused = { status: 403, body: { error: { code: 'FORBIDDEN', details: [{ field }] } } }
      expect(await create(`/v${version}/users`, given, {})).toMatchObject(refused)
      for (const [method, body] of [
        ['PATCH', given],
        ['PUT', { email: ann.email, name: 'Ann', ...given }],
      ] as const)
        expect(await api.ask(method, `/v${version}/users/me`, { token: ann.token, body }), method).toMatchObject(
          refused,
        )
    }
    expect(await rolesOf(ann)).toEqual(['member', ['member']])
  })

  test('R-VER-2 R-IDEM-1: a repeat gets the first answer again, in its version', async () => {
    for (const version of ['1', '2']) {
      const headers = { 'idempotency-key': `versions ${version}` }
      const body = { email: `again${version}@example.com`, name: 'Again', password: PASSWORD }
      const ask = () => api.ask('POST', `/v${version}/users`, { headers, body })
      const [first, second] = [await ask(), await ask()]
      expect(first.status).toBe(201)
      expect(second.headers.get('idempotency-replayed')).toBe('true')
      expect(second.headers.get('api-version')).toBe(version)
      expect(second.headers.get('location')).toBe(first.headers.get('location'))
      expect(second.body).toEqual(first.body)
      expect(second.body).toMatchObject(version === '1' ? { role: 'member' } : { roles: ['member'] })
      // The same words in another version are another request, and a stranger's other request has another key (R-IDEM-2).
      const other = await api.ask('POST', `/v${version === '1' ? 2 : 1}/users`, { headers, body })
      expect(other).toMatchObject({ status: 409, body: { error: { code: 'DUPLICATE' } } })
    }
  })

  function change(method: string, version: string, body: object, headers: Record<string, string> = {}): Promise<Reply> {
    return api.ask(method, `${version}/users/${both.id}`, { token: api.admin.token, body, headers })
  }
})

describe('behind the edge', () => {
  test('R-VER-2: what is kept and published has the newest shape, whichever version asked for it', async () => {
    const { body: user } = await create('/v1/users', { role: 'admin' })
    const client = await connect(api.system.databases.users!)
    try {
      const { rows } = await client.query(
        `select data from lintel.outbox where aggregate_id = $1 and type = 'user.created'`,
        [user.id],
      )
      expect(rows).toHaveLength(1)
      expect(rows[0].data).toMatchObject({ id: user.id, roles: ['admin'] })
      expect('role' in rows[0].data).toBe(false)
    } finally {
      await client.end()
    }
  })

  test('R-VER-2: each version’s document describes its own shape', async () => {
    for (const [version, own, other] of [
      ['1', 'role', 'roles'],
      ['2', 'roles', 'role'],
    ] as const) {
      const { body } = await api.ask('GET', `/v${version}/openapi.json`)
      // `User`, and what PUT and PATCH take; the answer to a mailed link has an `emailVerified` too.
      const users = Object.values<any>(body.components.schemas).filter(
        ({ properties = {} }) => 'emailVerified' in properties && 'name' in properties,
      )
      expect(users).toHaveLength(3)
      for (const { properties } of users) expect([own in properties, other in properties]).toEqual([true, false])
    }
  })
})
