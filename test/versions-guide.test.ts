import { afterAll, beforeAll, expect, test } from 'vitest'
import { olderShape, resource, service, t } from '../src/contract/index.ts'
import { invalid } from '../src/service/index.ts'
import { unproven } from './markdown.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { bodyOf, post } from './system-process.ts'

const Contact = resource('contact', {
  id: 'con',
  fields: { givenName: t.text({ min: 1 }), familyName: t.text({ min: 1 }) },
  access: { get: 'public', create: 'public', update: 'public' },
})

const oneName = olderShape({
  without: ['givenName', 'familyName'],
  added: { name: t.text({ min: 3 }) },
  up: ({ name, ...rest }) => (typeof name === 'string' ? { ...rest, ...named(name) } : rest),
  down: ({ givenName, familyName, ...rest }) => ({ ...rest, name: `${givenName} ${familyName}` }),
})

const contacts = service('contacts', {
  resources: { contacts: Contact },
  latest: 2,
  older: { 1: { deprecated: '2026-06-01', sunset: '2027-06-01', shapes: { contacts: oneName } } },
})

function named(name: string) {
  const [givenName, familyName, ...more] = name.split(' ')
  if (!givenName || !familyName || more.length > 0) throw invalid('name', 'must be two names')
  return { givenName, familyName }
}

const SQL = `create table contacts (
  id uuid primary key, given_name text not null, family_name text not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
)`

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contacts, {}, SQL)
})
afterAll(() => running.stop())

test('an older version is asked and answered in its own shape, with the day of its end', async () => {
  const made = await post(`${running.url}/v1/contacts`, { name: 'Ada Lovelace' })
  expect([made.status, made.headers.get('api-version')]).toEqual([201, '1'])
  expect([made.headers.has('deprecation'), made.headers.get('sunset')]).toEqual([true, expect.stringContaining('2027')])
  const { id, ...first } = await bodyOf(made)
  expect(first).toMatchObject({ name: 'Ada Lovelace' })
  for (const [path, headers] of [
    [`/v2/contacts/${id}`, {}],
    [`/contacts/${id}`, { accept: 'application/json;version=2' }],
    [`/contacts/${id}?version=2`, {}],
  ] as const) {
    const answer = await fetch(running.url + path, { headers })
    expect(await bodyOf(answer)).toMatchObject({ givenName: 'Ada', familyName: 'Lovelace' })
    expect(answer.headers.has('deprecation')).toBe(false)
  }
  expect(await bodyOf(await fetch(`${running.url}/contacts/${id}`))).toMatchObject({ name: 'Ada Lovelace' })
  expect((await post(`${running.url}/contacts`, { name: 'Madonna' })).status).toBe(400)
  const unknown = await fetch(`${running.url}/v3/contacts/${id}`)
  expect([unknown.status, (await bodyOf(unknown)).error.code]).toEqual([400, 'UNSUPPORTED_VERSION'])
})

test('a write with an older version of the row changes nothing', async () => {
  const made = await post(`${running.url}/v2/contacts`, { givenName: 'Ada', familyName: 'Byron' })
  const { id } = await bodyOf(made)
  const patch = (body: object, headers = {}) =>
    fetch(`${running.url}/v2/contacts/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const codeOf = async (response: Response) => [response.status, (await bodyOf(response)).error.code]
  expect(made.headers.get('etag')).toBe('"1"')
  expect((await patch({ familyName: 'Lovelace' }, { 'if-match': '"1"' })).status).toBe(200)
  expect(await codeOf(await patch({ familyName: 'King' }, { 'if-match': '"1"' }))).toEqual([412, 'PRECONDITION_FAILED'])
  expect(await codeOf(await patch({ familyName: 'King', version: 1 }))).toEqual([409, 'VERSION_CONFLICT'])
  const again = await fetch(`${running.url}/v2/contacts/${id}`, { headers: { 'if-none-match': '"2"' } })
  expect(again.status).toBe(304)
})

test('these are the examples of docs/guide/versions.md', () => {
  expect(unproven('docs/guide/versions.md', import.meta.url)).toEqual([])
})
