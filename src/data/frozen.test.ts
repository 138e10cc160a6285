import { once } from 'node:events'
import { type AddressInfo, connect as connectTo, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { Deadline } from '../resilience/deadline.ts'
import type { Clone } from '../testing/database.ts'
import { addressOf } from './connection.ts'
import { type Listener, listen } from './listen.ts'
import { type Database, openDatabase } from './pool.ts'
import { transaction } from './transaction.ts'

let clone: Clone
let proxy: Proxy
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  proxy = await openProxy(clone.url)
  database = openDatabase('frozen', proxy.url)
  await database.query('create table things (id integer primary key)')
})
afterAll(async () => {
  proxy?.thaw()
  await database?.close()
  await proxy?.close()
  await clone?.drop()
})

test('FC-73: where a server stops answering every statement ends by its deadline, and all is well when it answers again', async () => {
  const insert = (id: number, deadline?: Deadline) =>
    transaction(database, (tx) => tx.query('insert into things values ($1)', [id]), {
      deadline,
      bound: {
        committing: false,
        get isOver() {
          return deadline?.remainingMs() === 0
        },
      },
    })
  // Every kind of connection is there before.
  await Promise.all([insert(1), insert(2), database.query('select 1'), database.slow.query('select 1')])
  const made = proxy.connections
  proxy.freeze()
  const asker = (key: string) => ({ key, deadline: Deadline.after(600), signal: undefined })
  const bounded = [
    ...[3, 4, 5].map((id) => insert(id, Deadline.after(600))),
    ...['a', 'b', 'c'].map((key) => database.slow.cells('select 2', [], { asker: asker(key), isLong: true })),
    ...['a', 'b', 'c'].map((key) => database.slow.cells('select 3', [], { asker: asker(key), isLong: false })),
  ]
  const reads = Array.from({ length: 5_000 }, (_, i) => database.query('select $1::integer as i', [i]))
  const outcomes = Promise.allSettled(reads)
  for (const outcome of await Promise.allSettled(bounded))
    expect(outcome).toMatchObject({
      reason: { code: expect.stringMatching(/^(GATEWAY_TIMEOUT|SERVICE_UNAVAILABLE)$/) },
    })
  // What waits is bounded, and the rest was told so at once.
  expect(database.load().reads.waiting).toBeLessThanOrEqual(1_000)
  // Silent connections are given up, and others tried, without anybody's help.
  while (proxy.connections < made + 2) await proxy.next()
  await expect(database.ping()).rejects.toThrow('no answer in 800 ms')
  proxy.thaw()
  // A connection that was asked for while it was frozen may still be given up.
  await expect
    .poll(() => database.query('select 1 as one').catch(({ code }) => code), { timeout: 20_000 })
    .toEqual([{ one: 1 }])
  expect(await insert(6)).toEqual([])
  expect(await database.slow.cells('select 2', [], { asker: asker('a'), isLong: true })).toEqual([['2']])
  const answers = (await outcomes).filter(({ status }) => status === 'fulfilled')
  expect(answers.length).toBeGreaterThan(0)
  expect(await database.query('select id from things where id between 3 and 5')).toEqual([])
})

test('FC-73: who listens stops also where the server has stopped answering, before or after it was heard', async () => {
  const heard = () =>
    new Promise<Listener>((resolve) => {
      const listener = listen(proxy.url, 'things', () => resolve(listener))
    })
  const listening = await heard()
  proxy.freeze()
  const waiting = listen(proxy.url, 'things', () => {})
  await proxy.next()
  await listening.close()
  await waiting.close()
  proxy.thaw()
  // On a server that answers it still works.
  await (await heard()).close()
})

interface Proxy {
  readonly url: string
  /** Made so far. */
  readonly connections: number
  /** Resolves with the next connection. */
  next(): Promise<void>
  /** No byte passes any more, in either direction, and nobody is told. */
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

async function openProxy(url: string): Promise<Proxy> {
  const { host, port } = addressOf(url)
  const sockets = new Set<Socket>()
  const waiting: (() => void)[] = []
  let frozen = false
  let connections = 0
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((client) => {
    connections++
    keep(client)
    const pass = () => {
      const behind = keep(host.startsWith('/') ? connectTo(`${host}/.s.PGSQL.${port}`) : connectTo(port, host))
      client.on('data', (data) => behind.write(data))
      behind.on('data', (data) => client.write(data))
      client.on('close', () => behind.destroy())
      behind.on('close', () => client.destroy())
    }
    if (frozen) waiting.push(pass)
    else pass()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = new URL(url)
  own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  own.searchParams.delete('host')
  own.searchParams.delete('port')
  return {
    url: own.href,
    get connections() {
      return connections
    },
    next: async () => {
      await once(server, 'connection')
    },
    freeze() {
      frozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      frozen = false
      for (const pass of waiting.splice(0)) pass()
      for (const socket of sockets) socket.resume()
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
