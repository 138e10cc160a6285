import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { testServer, testSystem } from 'lintel/testing'
import system from '../../system.ts'

const server = await testServer()
const running = await testSystem(system, server.url)
after(async () => {
  await running.stop()
  await server.stop()
})

test('what happens to a note is in its history, in order', async () => {
  const headers = { 'content-type': 'application/json' }
  const made = await fetch(`${running.url}/notes`, { method: 'POST', headers, body: '{"title":"Milk"}' })
  assert.equal(made.status, 201)
  const path = made.headers.get('location') ?? ''
  const changed = await fetch(new URL(path, running.url), { method: 'PATCH', headers, body: '{"title":"Oat milk"}' })
  assert.equal(changed.status, 200)
  // Events arrive soon, and not at once.
  const soon = AbortSignal.timeout(20_000)
  const both = /"created".*"Milk".*"updated".*"Oat milk"/s
  for (let entries = ''; !both.test(entries); entries = await listed()) await wait(50, undefined, { signal: soon })
})

async function listed(): Promise<string> {
  return (await fetch(`${running.url}/entries?sort=createdAt`)).text()
}
