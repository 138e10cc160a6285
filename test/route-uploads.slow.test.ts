import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { operation, route, service, t } from '../src/contract/index.ts'
import { smallParts } from './small-parts.ts'

const files = service('files', {
  operations: {
    note: operation({ method: 'PUT', path: '/notes', access: 'public', body: { text: t.text() }, status: 200 }),
  },
  routes: {
    upload: route({
      methods: ['PUT'],
      path: '/uploads',
      access: 'public',
      body: { types: ['*/*'], maxBytes: 1000, streamed: true },
      answers: { 200: 'text/plain' },
      timeoutMs: 60_000,
    }),
  },
})

test('R-P-7: a streamed body may take as long as its route, in another process too; others have 30 seconds', {
  timeout: 90_000,
}, async () => {
  const handlers = {
    note: async () => {},
    async upload({ stream }: { stream: AsyncIterable<Uint8Array> }) {
      let bytes = 0
      for await (const piece of stream) bytes += piece.length
      return { body: String(bytes) }
    },
  }
  const small = await smallParts(files, handlers, 'create table notes (id int);', 'http')
  const put = async (path: string, type: string, paceMs: number, pieces: number) => {
    const socket = connect(Number(new URL(small.url).port), '127.0.0.1')
    const answer = text(socket)
    socket.write(
      `PUT ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: ${type}\r\ncontent-length: ${pieces}\r\n\r\n`,
    )
    for (let i = 0; i < pieces && socket.writable; i++) {
      socket.write(' ')
      await wait(paceMs)
    }
    return answer
  }
  const [uploaded, noted] = await Promise.all([
    put('/uploads', 'image/png', 1_000, 36),
    put('/notes', 'application/json', 1_000, 40),
  ])
  expect(uploaded).toMatch(/^HTTP\/1.1 200 [\s\S]*\r\n\r\n36$/)
  expect(noted).toMatch(/^HTTP\/1.1 408 /)
  await small.stop()
})
