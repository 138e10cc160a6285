import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { event, operation, ownConsumer, service, t } from '../src/contract/index.ts'
import { implement } from '../src/service/implement.ts'
import { system } from '../src/start/define-system.ts'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import { send } from './wire.ts'

const done = { done: t.boolean() }
const halls = service('halls', {
  operations: {
    look: operation({ method: 'PUT', path: '/looks', access: 'service', answer: done }),
    stall: operation({ method: 'PUT', path: '/stalls', access: 'service', answer: done, timeoutMs: 60_000 }),
  },
})
const books = service('books', {
  operations: {
    ask: operation({ method: 'PUT', path: '/asks', access: 'public', answer: done, timeoutMs: 900 }),
    askSlow: operation({ method: 'PUT', path: '/slow-asks', access: 'public', answer: done, timeoutMs: 1_500 }),
    read: operation({ method: 'GET', path: '/readings', access: 'public', answer: done }),
    write: operation({ method: 'PUT', path: '/writings', access: 'public', answer: done }),
  },
  events: { 'book.borrowed': event({ to: t.text() }) },
  consumers: {
    lendings: ownConsumer(['book.borrowed']),
  },
})

interface Seen {
  readonly requestId: string
  readonly leftMs: number
  readonly signal: AbortSignal
}
/** What units had, by the name of the handler. */
const seen = new Map<string, Seen>()
let told = () => {}
function see(
  name: string,
  { requestId, deadline, signal }: { requestId: string; deadline: { remainingMs(): number }; signal: AbortSignal },
) {
  seen.set(name, { requestId, leftMs: deadline.remainingMs(), signal })
  told()
}
async function seenOf(name: string): Promise<Seen> {
  for (;;) {
    const found = seen.get(name)
    if (found) return found
    await new Promise<void>((resolve) => {
      told = resolve
    })
  }
}
/** Waits as a handler should. */
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

let letWrite!: () => void
const written = new Promise<void>((resolve) => {
  letWrite = resolve
})

let folder: string
let running: TestSystem
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-contexts-'))
  const migrations = async (name: string, sql: string) => {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, '0001-tables.sql'), sql)
    return pathToFileURL(`${join(folder, name)}/`)
  }
  const serveHalls = implement(
    halls,
    {
      async look(_, unit) {
        see('look', unit)
        return { done: true }
      },
      async stall(_, unit) {
        see('stall', unit)
        await unit.tx.query('insert into stalls values (1)')
        return aborted(unit.signal)
      },
    },
    {
      migrations: await migrations('halls', 'create table stalls (number integer)'),
    },
  )
  const serveBooks = implement(
    books,
    {
      async ask(_, unit) {
        see('ask', unit)
        await unit.call(halls).look()
        unit.emit('book.borrowed', newId('bok'), { to: 'Ann' })
        return { done: true }
      },
      async askSlow(_, { call }) {
        await call(halls).stall()
        return { done: true }
      },
      async read(_, unit) {
        see('read', unit)
        return aborted(unit.signal)
      },
      async write(_, unit) {
        see('write', unit)
        await written
        await unit.tx.query('insert into writings values (1)')
        unit.emit('book.borrowed', newId('bok'), { to: 'whoever left' })
        return { done: true }
      },
      lendings: {
        async 'book.borrowed'(lent, unit) {
          see(`lent to ${lent.data.to}`, unit)
          unit.log.debug({}, 'lent')
        },
      },
    },
    {
      migrations: await migrations('books', 'create table writings (number integer)'),
    },
  )
  running = await testSystem(system({ services: [serveHalls, serveBooks] }), inject('databaseServer'))
})
afterAll(async () => {
  await running?.stop()
  await rm(folder, { recursive: true })
})

test('R-P-7: a service that is called sees the request id of the request, and less of its time', async () => {
  const { status } = await send(running.url, 'PUT', '/asks', { headers: { 'x-request-id': 'mine' } })
  expect(status).toBe(200)
  const [asking, asked] = [await seenOf('ask'), await seenOf('look')]
  expect(asking.requestId).toBe('mine')
  expect(asked.requestId).toBe('mine')
  expect(asking.leftMs).toBeLessThanOrEqual(900)
  expect(asked.leftMs).toBeLessThan(asking.leftMs)
})

test('R-P-7: when the time of the request is over, so is that of what it called', async () => {
  const { status } = await send(running.url, 'PUT', '/slow-asks')
  expect(status).toBe(504)
  const { leftMs, signal } = await seenOf('stall')
  expect(leftMs).toBeLessThanOrEqual(1_500)
  expect(signal.aborted).toBe(true)
})

test('R-P-7: a reader who leaves ends the work; a writer who leaves does not', async () => {
  for (const [method, path, name] of [
    ['GET', '/readings', 'read'],
    ['PUT', '/writings', 'write'],
  ] as const) {
    const { hostname, port } = new URL(running.url)
    const req = request({ hostname, port, method, path, agent: false })
    req.on('error', () => {})
    req.end()
    await seenOf(name)
    req.destroy()
  }
  const { signal: ofReader } = await seenOf('read')
  if (!ofReader.aborted) await once(ofReader, 'abort')
  letWrite()
  await seenOf('lent to whoever left')
  expect((await seenOf('write')).signal.aborted).toBe(false)
})

test('R-P-7: the handler of an event has a request id, a deadline and a signal too', async () => {
  const event = await seenOf('lent to Ann')
  expect(event.requestId).toBe('mine')
  expect(event.leftMs).toBeLessThanOrEqual(25_000)
})
