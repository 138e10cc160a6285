import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Reply } from '../call/call.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { service } from '../contract/service.ts'
import { createGateway } from '../gateway/gateway.ts'
import { createHttpServer } from '../http/server.ts'
import type { Access } from '../observe/access-log.ts'
import { createRequestCounts } from '../observe/request-counts.ts'
import { describe as describeRoutes } from '../proxy/foreign/description.ts'
import { readTerms } from '../proxy/foreign/foreign-route.ts'
import { openRemoteUpstream } from '../proxy/forward/remote-upstream.ts'
import { observer, refusalObserver } from './observer.ts'

const notes = service('notes', {
  operations: {
    write: operation({
      method: 'PUT',
      path: '/notes',
      access: 'public',
      body: { text: t.text() },
      answer: { done: t.boolean() },
    }),
  },
})
const uploads = describeRoutes(
  'uploads',
  [{ method: 'PUT', path: '/uploads', upstream: 'uploads', ...readTerms({ access: 'public' }, '', () => {}) }],
  () => {},
)

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** A gateway that observes, before a service in its process and one elsewhere. */
async function start(requestTimeoutMs = 30_000) {
  const foreign = createServer((req, res) => req.resume().once('end', () => res.end('ok')))
  await once(foreign.listen(0, '127.0.0.1'), 'listening')
  const { port: at } = foreign.address() as AddressInfo
  const remote = await openRemoteUpstream({ name: 'uploads', urls: [new URL(`http://127.0.0.1:${at}`)] })
  const port = async (): Promise<Reply> => ({ status: 200, headers: {}, body: '{"done":true}' })
  const lines: Access[] = []
  const counts = createRequestCounts()
  let onLine = () => {}
  const write = (access: Access) => {
    lines.push(access)
    onLine()
  }
  const gateway = createGateway({
    services: [
      { contract: notes, upstream: { name: 'notes', port, health: async () => ({ status: 'healthy', checks: {} }) } },
      { contract: uploads.contract, upstream: remote },
    ],
    versioned: false,
    verifier: undefined,
    version: '1',
    observe: observer(write, counts, undefined),
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const server = createHttpServer(gateway.handle, {
    headersTimeoutMs: requestTimeoutMs,
    requestTimeoutMs,
    timeoutCheckMs: 50,
    refused: refusalObserver(write, counts),
  })
  const { port: listening } = await server.listen({ host: '127.0.0.1', port: 0 })
  open.push(async () => {
    await server.close({ timeoutMs: 0 })
    await remote.close()
    foreign.closeAllConnections()
    foreign.close()
  })
  /** Sends bytes as they are, and returns all that comes back until the server closes. */
  async function raw(text: string): Promise<string> {
    const socket = connect(listening, '127.0.0.1').on('error', () => {})
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.write(text)
    await new Promise((resolve) => socket.once('close', resolve))
    return answer
  }
  return {
    lines,
    counts,
    raw,
    port: listening,
    line: () => (lines.length > 0 ? Promise.resolve() : new Promise<void>((resolve) => (onLine = resolve))),
  }
}

const put = (path: string, headers: string, body: string) =>
  `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-Id: mine\r\n${headers}\r\n\r\n${body}`

const BROKEN: readonly (readonly [string, number, string, string])[] = [
  ['late', 408, 'Content-Length: 10', '{"t'],
  ['late and large', 408, 'Content-Length: 100000', '{"t'],
  ['late and in chunks', 408, 'Transfer-Encoding: chunked', '3\r\n{"t\r\n'],
  ['not in chunks, though it says so', 400, 'Transfer-Encoding: chunked', 'nonsense\r\n'],
  ['not in chunks after the first', 400, 'Transfer-Encoding: chunked', '3\r\n{"t\r\nnonsense\r\n'],
  ['in chunks with endless extensions', 413, 'Transfer-Encoding: chunked', `1;${'x'.repeat(20_000)}\r\n`],
]

describe.each([
  ['a service in this process', '/notes', 'notes.write'],
  ['an upstream', '/uploads', uploads.contract.served[0]!.id],
])('for %s', (_, path, id) => {
  test.each(BROKEN)(
    'R-OPS-3: a body that is %s is logged and counted as the %i that its client gets',
    async (...row) => {
      const [, status, headers, body] = row
      const { raw, lines, counts } = await start(status === 408 ? 1_000 : undefined)
      const answer = await raw(put(path, headers, body))
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(answer.match(/^HTTP\/1.1/gm)).toHaveLength(1)
      expect(answer).toMatch(/\r\nx-request-id: mine\r\n/i)
      expect(answer).toMatch(/\r\nconnection: close\r\n/i)
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ error: { requestId: 'mine' } })
      expect(lines).toMatchObject([{ status, template: path, requestId: 'mine' }])
      expect(counts.text()).toContain(`lintel_http_requests_total{operation="${id}",status="${status}"} 1\n`)
      expect(counts.text()).not.toContain('status="499"')
    },
  )

  test('R-OPS-3: a client that sends no more is answered with 400, and logged so, whether it still reads or not', async () => {
    const { port, lines, line } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.end(put(path, 'Content-Length: 100000', '{"t'))
    await line()
    expect(lines).toMatchObject([{ status: 400, template: path, requestId: 'mine' }])
    socket.destroy()
  })
})

test('R-OPS-3: what never became a request is logged and counted once, with the status that its client gets', async () => {
  const { raw, lines, counts } = await start()
  expect(await raw('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  expect(lines).toMatchObject([{ status: 400, template: undefined }])
  expect(counts.text()).toContain('lintel_http_requests_total{operation="none",status="400"} 1\n')
})
