import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { respond } from './respond.ts'
import { createHttpServer } from './server.ts'
import { watchUnread } from './unread.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

test('FC-93: of 100 pipelined requests whose answers nobody reads, few are worked on, and the client is disconnected', async () => {
  let worked = 0
  const big = 'a'.repeat(1024 * 1024)
  let cut = () => {}
  const isCut = new Promise<void>((resolve) => {
    cut = resolve
  })
  const server = createHttpServer(
    (req, res) => {
      if (worked++ === 0) req.socket.once('close', cut)
      respond(req, res, 200, [], big)
    },
    { unreadTimeoutMs: 200 },
  )
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const client = connect(port, '127.0.0.1').pause()
  client.on('error', () => {})
  client.write(GET.repeat(100))
  await isCut
  expect(worked).toBeLessThan(20)
  client.destroy()
  await server.close({ timeoutMs: 0 })
})

test('FC-93: pipelined requests are answered in order, also when there are more than are read ahead', async () => {
  const server = createHttpServer((req, res) => {
    setTimeout(() => respond(req, res, 200, [], `<${req.url}>`), 1)
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const client = connect(port, '127.0.0.1')
  const paths = Array.from({ length: 40 }, (_, i) => `/${i}`)
  for (const path of paths) client.write(GET.replace('/', path))
  let text = ''
  while (!text.includes('</39>')) text += (await once(client, 'data'))[0]
  expect([...text.matchAll(/<(.*?)>/g)].map(([, path]) => path)).toEqual(paths)
  client.destroy()
  await server.close({ timeoutMs: 0 })
})

afterEach(() => vi.useRealTimers())

test('FC-93: a client that reads slowly stays, also when the same amount is left each time; one that stops is disconnected', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  const handle = { bytesWritten: 65_536, writeQueueSize: 65_536 }
  const destroy = vi.fn()
  const socket = { writableLength: 65_536, _handle: handle, destroy } as unknown as Socket
  const watch = watchUnread(new Set([socket]), 60_000)
  for (let i = 0; i < 10; i++) {
    handle.bytesWritten += 65_536
    vi.advanceTimersByTime(30_000)
  }
  expect(destroy).not.toHaveBeenCalled()
  vi.advanceTimersByTime(90_000)
  expect(destroy).toHaveBeenCalled()
  watch.stop()
})
