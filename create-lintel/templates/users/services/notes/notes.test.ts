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

const password = 'correct horse battery'

function send(method: string, path: string, body?: object, token?: string): Promise<Response> {
  const headers = {
    ...(body && { 'content-type': 'application/json' }),
    ...(token && { authorization: `Bearer ${token}` }),
  }
  return fetch(running.url + path, { method, headers, body: body ? JSON.stringify(body) : null })
}

/** Registers somebody, and returns an access token. */
async function join(name: string): Promise<string> {
  const email = `${name}@example.com`
  assert.equal((await send('POST', '/users', { email, name, password })).status, 201)
  const answer = await (await send('POST', '/auth/login', { email, password })).text()
  return /"accessToken":"([^"]+)"/.exec(answer)?.[1] ?? assert.fail(answer)
}

test('a note is its owner’s: others neither see nor change it', async () => {
  assert.equal((await send('POST', '/notes', { title: 'Milk' })).status, 401)
  const [ann, bob] = [await join('ann'), await join('bob')]
  const made = await send('POST', '/notes', { title: 'Milk' }, ann)
  assert.equal(made.status, 201)
  const path = new URL(made.headers.get('location') ?? '', running.url).pathname
  assert.equal((await send('GET', path, undefined, ann)).status, 200)
  assert.notEqual((await send('GET', path, undefined, bob)).status, 200)
  assert.notEqual((await send('PATCH', path, { title: 'Mine' }, bob)).status, 200)
  assert.match(await (await send('GET', '/notes', undefined, ann)).text(), /"total":1/)
  assert.match(await (await send('GET', '/notes', undefined, bob)).text(), /"total":0/)
})
