import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testServer, testSystem } from 'lintel/testing'
import system from '../../system.ts'

const server = await testServer()
const running = await testSystem(system, server.url)
after(async () => {
  await running.stop()
  await server.stop()
})

test('a note is created, and found by its title', async () => {
  const made = await fetch(`${running.url}/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'Milk' }),
  })
  assert.equal(made.status, 201)
  const found = await fetch(`${running.url}/notes?q=mil`)
  assert.match(await found.text(), /"title":"Milk"/)
})
