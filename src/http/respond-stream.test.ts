import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { respondStream } from './respond-stream.ts'
import { createHttpServer, type HttpServer } from './server.ts'

let server: HttpServer | undefined

afterEach(() => server?.close({ timeoutMs: 0 }))

/** A stream that never ends. */
function endless(): Readable {
  const piece = Buffer.alloc(64 * 1024)
  return new Readable({
    read() {
      this.push(piece)
    },
  })
}

test('R-GW-4: a client that reads nothing is cut, and so is what it asked for', async () => {
  const body = endless()
  const outcome = new Promise<unknown>((resolve) => {
    server = createHttpServer((req, res) =>
      respondStream(req, res, 200, [], body, { stalledMs: 50 }).then(resolve, resolve),
    )
  })
  const { port } = await server!.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.pause().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(await outcome).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
  expect(body.destroyed).toBe(true)
  socket.destroy()
})

test('the next request on the connection is not bound by it, nor the time between', async () => {
  const stalledMs = 30
  const sockets: Socket[] = []
  const bounds: (number | undefined)[] = []
  let sent = Promise.resolve<unknown>(undefined)
  server = createHttpServer((req, res) => {
    sockets.push(req.socket)
    bounds.push(req.socket.timeout)
    sent = once(res, 'close')
    const body = Readable.from([Buffer.from('ok')])
    return respondStream(req, res, 200, ['content-length', '2'], body, { stalledMs })
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect(port, '127.0.0.1')
  for (let i = 0; i < 2; i++) {
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    let text = ''
    while (!text.endsWith('ok')) text += (await once(socket, 'data'))[0]
    await sent
    // How long it may idle is another matter.
    expect(sockets[i]!.timeout).toBeGreaterThan(stalledMs)
  }
  expect(sockets[1]).toBe(sockets[0])
  // Node's word for none.
  expect(bounds.map((bound) => bound ?? 0)).toEqual([0, 0])
  socket.destroy()
})
