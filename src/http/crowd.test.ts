import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createHttpServer } from './server.ts'

test('FC-112: clients that repeat at once what is answered do not keep others from being accepted', async () => {
  const CLIENTS = 200
  let handled = 0
  const server = createHttpServer((_, res) => {
    handled++
    res.end('ok')
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const heard = new Set<number>()
  const sockets = Array.from({ length: CLIENTS }, (_, i) => {
    const socket = connect(port, '127.0.0.1')
    const ask = () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    socket.on('connect', ask).on('data', () => {
      heard.add(i)
      ask()
    })
    return socket
  })
  while (heard.size < CLIENTS) await once(sockets[CLIENTS - 1]!, 'data')
  // Where each turn answers all who ask, those who were accepted first ask some 100 times meanwhile.
  expect(handled).toBeLessThan(CLIENTS * 10)
  for (const socket of sockets) socket.destroy()
  await server.close({ timeoutMs: 0 })
})
