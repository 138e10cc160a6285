import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import notes from '../examples/notes/system.ts'
import { type Mounted, start } from '../src/index.ts'
import { listening, meetNotes, met, mountedNotes } from './mounted.ts'

let mounted: Mounted | undefined
let end = () => {}
afterEach(async () => {
  end()
  await mounted?.stop()
  mounted = undefined
})

async function serve(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener)
  end = () => {
    server.closeAllConnections()
    server.close()
  }
  return listening(server)
}

test.each(['', '/backend', '/a/b'])('a system is mounted in a server of node:http, below "%s"', async (prefix) => {
  mounted = await mountedNotes(prefix)
  const { handler } = mounted
  const url = await serve((req, res) => {
    if (req.url?.startsWith(`${prefix}/`)) return handler(req, res)
    res.writeHead(418).end()
  })
  expect(await meetNotes(url, prefix)).toEqual(met(prefix))
  if (prefix !== '') expect((await fetch(`${url}/notes`)).status).toBe(418)
})

test('where the host takes the prefix away, as Express does, a path that has it twice is another; without its slash it is led on', async () => {
  mounted = await mountedNotes('/backend')
  const { handler } = mounted
  const url = await serve((req, res) => {
    const originalUrl = req.url!
    req.url = originalUrl.slice('/backend'.length) || '/'
    void handler(Object.assign(req, { originalUrl }), res)
  })
  expect((await fetch(`${url}/backend/notes`)).status).toBe(200)
  expect((await fetch(`${url}/backend/backend/notes`)).status).toBe(404)
  const led = await fetch(`${url}/backend?a=1`, { redirect: 'manual' })
  expect([led.status, led.headers.get('location')]).toEqual([308, '/backend/?a=1'])
})

test('a prefix of a system that listens itself is refused', async () => {
  await expect(start(notes, { LOG_LEVEL: 'silent' }, { prefix: '/backend' })).rejects.toMatchObject({
    code: 'WRONG_ARGUMENT',
    message: expect.stringContaining('give `listen: false` too, or leave it out'),
  })
})

test('a body that the host has read is a 500 at once, and no request that hangs', async () => {
  mounted = await mountedNotes('')
  const { handler } = mounted
  const url = await serve((req, res) => {
    req.resume().on('end', () => handler(req, res))
  })
  const answer = await fetch(`${url}/notes`, { method: 'POST', body: '{"title":"Milk"}' })
  expect([answer.status, ((await answer.json()) as { error: object }).error]).toMatchObject([
    500,
    { code: 'INTERNAL_ERROR' },
  ])
})

test('R-OPS-2: its stop waits for requests under way, and what comes after it is a 503', async () => {
  mounted = await mountedNotes('')
  const { handler, stop } = mounted
  let came = () => {}
  const begun = new Promise<void>((resolve) => {
    came = resolve
  })
  const url = await serve((req, res) => {
    void handler(req, res)
    came()
  })
  const slow = request(`${url}/notes`, { method: 'POST', headers: { 'content-type': 'application/json' } })
  const answered = once(slow, 'response')
  slow.write('{"title":')
  await begun
  const stopped = stop()
  await expect.poll(async () => (await fetch(`${url}/notes`)).status).toBe(503)
  slow.end('"Milk"}')
  const [answer] = await answered
  expect([answer.statusCode, answer.headers.connection]).toEqual([201, 'close'])
  answer.resume()
  await stopped
  mounted = undefined
})

test.each(['backend', '/backend/', '/back end', '/a//b'])('the prefix "%s" is refused', async (prefix) => {
  await expect(start(notes, { LOG_LEVEL: 'silent' }, { listen: false, prefix })).rejects.toMatchObject({
    code: 'WRONG_ARGUMENT',
    message: `The prefix is "${prefix}": give a path without a slash at its end, such as /backend`,
  })
})
