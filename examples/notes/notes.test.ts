import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type TestSystem, testSystem } from '../../src/testing/system.ts'
import notebook from './system.ts'

let running: TestSystem
beforeAll(async () => {
  running = await testSystem(notebook, inject('databaseServer'))
})
afterAll(() => running.stop())

const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  fetch(running.url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

test('a resource of one contract entry and one migration is created, listed, changed and deleted', async () => {
  const made = await ask('POST', '/notes', { title: 'Milk' })
  expect(made.status).toBe(201)
  const note = (await made.json()) as { id: string }
  expect(note).toMatchObject({ title: 'Milk', text: '', pinned: false, version: 1 })
  const path = made.headers.get('location')!
  expect((await ask('PATCH', path, { pinned: true }, { 'if-match': made.headers.get('etag')! })).status).toBe(200)
  expect((await ask('PATCH', path, { pinned: false }, { 'if-match': made.headers.get('etag')! })).status).toBe(412)
  expect(await (await ask('GET', '/notes?pinned=true&q=mil&fields=title')).json()).toMatchObject({
    data: [{ id: note.id, title: 'Milk' }],
    pagination: { total: 1 },
  })
  expect((await ask('PUT', path, { title: 'Oat milk' })).status).toBe(200)
  expect((await ask('DELETE', path)).status).toBe(204)
  expect((await ask('GET', path)).status).toBe(404)
  expect((await ask('POST', '/notes', { titel: 'Milk' })).status).toBe(400)
})

test('it is in the OpenAPI document', async () => {
  const document = (await (await ask('GET', '/openapi.json')).json()) as { paths: Record<string, object> }
  expect(Object.keys(document.paths)).toEqual(['/notes', '/notes/{id}'])
})

test('the guide and the README show these very files', () => {
  const folder = new URL('./', import.meta.url)
  const system = readFileSync(new URL('system.ts', folder), 'utf8').trim()
  const migration = readFileSync(new URL('migrations/0001-notes.sql', folder), 'utf8').trim()
  const guide = readFileSync(new URL('../../docs/guide/crud-resource.md', folder), 'utf8')
  expect(guide).toContain(system)
  expect(guide).toContain(migration)
  expect(readFileSync(new URL('../../README.md', folder), 'utf8')).toContain(system)
})
