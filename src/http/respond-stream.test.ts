import { once } from 'node:events'
import { connect } from 'node:net'
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

test('the next request on the connection is not bound by it', async () => {
  server = createHttpServer((req, res) =>
    respondStream(req, res, 200, ['content-length', '2'], Readable.from([Buffer.from('ok')]), { stalledMs: 30 }),
  )
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect(port, '127.0.0.1')
  for (let i = 0; i < 2; i++) {
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    let text = ''
    while (!text.endsWith('ok')) text += (await once(socket, 'data'))[0]
    // Longer than it may stall: an idle connection is another matter.
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
  expect(socket.destroyed).toBe(false)
  socket.destroy()
})
