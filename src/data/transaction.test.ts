import { once } from 'node:events'
import { type AddressInfo, connect as connectTo, createServer } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { failureOf } from '../base/failure.ts'
import { Deadline } from '../resilience/deadline.ts'
import type { Clone } from '../testing/database.ts'
import { addressOf, connect } from './connection.ts'
import type { ForetoldInsert } from './foretold.ts'
import type { Transaction } from './open-transaction.ts'
import { type Database, openDatabase } from './pool.ts'
import { transaction } from './transaction.ts'

let clone: Clone
let admin: pg.Client
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  admin = await connect(inject('databaseServer'))
  // A deadlock is then found at once; only a superuser may say so.
  await admin.query(`alter database ${databaseName()} set deadlock_timeout = '10ms'`)
  database = openDatabase('test', clone.url)
  await database.query('create table accounts (id text primary key, amount integer not null)')
})
afterAll(async () => {
  await database?.close()
  await admin?.end()
  await clone?.drop()
})
beforeEach(async () => {
  await database.query('delete from accounts')
  await database.query('delete from lintel.outbox')
  await database.query(`insert into accounts values ('a', 0), ('b', 0)`)
})

function databaseName(): string {
  return clone.url.split('?')[0]!.split('/').at(-1)!
}

const event = (aggregateId: string) => ({ type: 'account.changed', aggregateId, data: `{"of":"${aggregateId}"}` })
const add = (tx: Transaction, id: string) => tx.query('update accounts set amount = amount + 1 where id = $1', [id])
const amounts = async () =>
  Object.fromEntries(
    (await database.cells('select id, amount from accounts order by id')).map(([id, amount]) => [id, Number(amount)]),
  )
const events = async () =>
  (await database.cells('select aggregate_id from lintel.outbox order by position')).map(([id]) => id)

/** Ends when everybody has come, and lets through who comes later. */
function meeting(size: number): () => Promise<void> {
  let come = 0
  let open = () => {}
  const all = new Promise<void>((resolve) => {
    open = resolve
  })
  return () => {
    if (++come === size) open()
    return all
  }
}

test('R-EVT-2: a change and its events commit together, the events in the order that they were emitted', async () => {
  const result = await transaction(database, async (tx) => {
    tx.emit(event('first'))
    await add(tx, 'a')
    tx.emit(event('second'))
    expect(await amounts()).toEqual({ a: 0, b: 0 })
    expect(await events()).toEqual([])
    return 'done'
  })
  expect(result).toBe('done')
  expect(await amounts()).toEqual({ a: 1, b: 0 })
  expect(await events()).toEqual(['first', 'second'])
})

test('R-EVT-2: events without a statement are written too', async () => {
  await transaction(database, async (tx) => tx.emit(event('alone')))
  expect(await events()).toEqual(['alone'])
})

test('work that asks nothing of the database takes no connection', async () => {
  const nobody: Database = { ...database, acquire: () => expect.fail('a connection was taken') }
  expect(await transaction(nobody, async () => 'nothing to do')).toBe('nothing to do')
})

test('R-EVT-2: an error rolls back the change and its events', async () => {
  const failing = transaction(database, async (tx) => {
    await add(tx, 'a')
    tx.emit(event('a'))
    throw new Error('after the change')
  })
  await expect(failing).rejects.toThrow('after the change')
  expect(await amounts()).toEqual({ a: 0, b: 0 })
  expect(await events()).toEqual([])
})

test('R-EVT-2: work that goes on after a failed statement does not commit half of itself', async () => {
  const swallowing = transaction(database, async (tx) => {
    await add(tx, 'a')
    await tx.query('select 1 / 0').catch(() => {})
    tx.emit(event('a'))
  })
  await expect(swallowing).rejects.toThrow()
  expect(await amounts()).toEqual({ a: 0, b: 0 })
  expect(await events()).toEqual([])
})

test('an event that cannot be written takes its change back', async () => {
  const failing = transaction(database, async (tx) => {
    await add(tx, 'a')
    tx.emit({ ...event('a'), data: 'no JSON' })
  })
  await expect(failing).rejects.toThrow('invalid input syntax for type json')
  expect(await amounts()).toEqual({ a: 0, b: 0 })
})

test.each([
  ['alone', false],
  ['with an event', true],
])('FC-84: a statement that fails without being awaited is what the failure of COMMIT names (%s)', async (_, emits) => {
  const failing = transaction(database, async (tx) => {
    if (emits) tx.emit(event('a'))
    await add(tx, 'a')
    tx.query('select * from nowhere').catch(() => {})
  })
  const error = await failing.catch((failure) => failure)
  expect(error).toMatchObject({ sqlState: '42P01', cause: { message: 'relation "nowhere" does not exist' } })
  expect(error.message).toMatch(/^the transaction was rolled back: a statement had failed that was not awaited/)
  expect(failureOf(error)).toMatchObject({ statement: 'select * from nowhere', position: 15 })
  expect(await amounts()).toEqual({ a: 0, b: 0 })
})

describe('FC-72: an attempt within a transaction', () => {
  const insert = (id: string) =>
    ({
      text: () => 'insert into accounts values ($1, 0)',
      values: [id],
      refuted() {},
    }) as Partial<ForetoldInsert> as ForetoldInsert

  test('that fails is undone with all that it wrote, emitted, changed and noted; what came before stays, with its locks', async () => {
    const notes: string[] = []
    const outcome = await transaction(database, async (tx) => {
      await add(tx, 'a')
      tx.emit(event('before'))
      tx.drop('before')
      tx.atCommit!(insert('before'))
      const failed = await tx.attempt(async (own) => {
        await add(own, 'b')
        own.emit(event('within'))
        own.drop('within')
        own.atCommit!(insert('within'))
        own.afterCommit(() => notes.push('within'))
        await own.query('select 1 / 0')
      })
      const locked = database.query(`select from accounts where id = 'a' for update nowait`)
      await expect(locked).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
      expect([...tx.tags]).toEqual(['before'])
      tx.emit(event('after'))
      tx.afterCommit(() => notes.push('after'))
      return failed
    })
    expect(outcome).toMatchObject({ error: { code: 'VALIDATION_ERROR' } })
    expect([await amounts(), await events(), notes]).toEqual([
      { a: 1, b: 0, before: 0 },
      ['before', 'after'],
      ['after'],
    ])
  })

  test('writes nothing any more once it has failed, and fails with what it would have left to the commit', async () => {
    await transaction(database, async (tx) => {
      await add(tx, 'a')
      let late: Transaction | undefined
      await tx.attempt(async (own) => {
        late = own
        throw new Error('too late')
      })
      await expect(add(late!, 'b')).rejects.toThrow('the unit of work has ended')
      expect(() => late!.emit(event('b'))).toThrow('the unit of work has ended')
      const taken = await tx.attempt(async (own) => void own.atCommit!(insert('a')))
      expect(taken).toMatchObject({ error: { code: 'DUPLICATE' } })
      expect(await tx.attempt((own) => add(own, 'a').then(() => {}))).toBeUndefined()
    })
    expect([await amounts(), await events()]).toEqual([{ a: 2, b: 0 }, []])
  })

  test('that does not await what fails has failed by that', async () => {
    const outcome = await transaction(database, (tx) =>
      tx.attempt(async (own) => {
        own.query('select 1 / 0').catch(() => {})
        await add(own, 'a').catch(() => {})
        await add(own, 'b')
      }),
    )
    expect(outcome).toMatchObject({ error: { cause: { code: '22012' } } })
    expect(await amounts()).toEqual({ a: 0, b: 0 })
  })
})

test('statements that nobody waits for end before the transaction does', async () => {
  await transaction(database, async (tx) => {
    void add(tx, 'a')
    void add(tx, 'b')
  })
  expect(await amounts()).toEqual({ a: 1, b: 1 })
})

test('R-EVT-2: of two transactions in a deadlock one runs again, and both leave one change and one event', async () => {
  const met = meeting(2)
  let runs = 0
  const both = [
    ['a', 'b'],
    ['b', 'a'],
  ].map(([first, second]) =>
    transaction(database, async (tx) => {
      runs++
      await add(tx, first!)
      tx.emit(event(first!))
      await met()
      await add(tx, second!)
    }),
  )
  await Promise.all(both)
  expect(runs).toBe(3)
  expect(await amounts()).toEqual({ a: 2, b: 2 })
  expect((await events()).sort()).toEqual(['a', 'b'])
})

test('R-EVT-2: a serialisation failure runs the work again, and it leaves one event', async () => {
  let runs = 0
  await transaction(database, async (tx) => {
    runs++
    await tx.query('set transaction isolation level repeatable read')
    await tx.query('select * from accounts')
    tx.emit(event('a'))
    if (runs === 1) await transaction(database, (other) => add(other, 'a'))
    await add(tx, 'a')
  })
  expect(runs).toBe(2)
  expect(await amounts()).toEqual({ a: 2, b: 0 })
  expect(await events()).toEqual(['a'])
})

test('R-REST-4: work that meets others four times over is given up with SERVICE_UNAVAILABLE, to be tried later', async () => {
  let runs = 0
  const unlucky = transaction(database, async (tx) => {
    runs++
    await tx.query('set transaction isolation level repeatable read')
    await tx.query('select * from accounts')
    await transaction(database, (other) => add(other, 'a'))
    await add(tx, 'a')
    await add(tx, 'b')
  })
  await expect(unlucky).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfterS: 1 })
  expect(runs).toBe(4)
  expect(await amounts()).toEqual({ a: 4, b: 0 })
})

test('other errors are not tried again', async () => {
  let runs = 0
  const failing = transaction(database, async (tx) => {
    runs++
    await tx.query(`insert into accounts values ('a', 1)`)
  })
  await expect(failing).rejects.toMatchObject({ code: 'DUPLICATE' })
  expect(runs).toBe(1)
})

test('R-EVT-2: a connection lost in a statement, between two, or at the commit leaves nothing half-written', async () => {
  const pid = async (tx: Transaction) => (await tx.query<{ pid: number }>('select pg_backend_pid() as pid'))[0]!.pid
  const kill = (one: number) => admin.query('select pg_terminate_backend($1, 5000)', [one])
  const ways: ((tx: Transaction) => Promise<unknown>)[] = [
    (tx) => tx.query('select pg_terminate_backend(pg_backend_pid())'),
    async (tx) => {
      await kill(await pid(tx))
      await add(tx, 'b')
    },
    async (tx) => kill(await pid(tx)),
  ]
  for (const lose of ways) {
    let runs = 0
    const losing = transaction(database, async (tx) => {
      runs++
      await add(tx, 'a')
      tx.emit(event('a'))
      await lose(tx)
    })
    await expect(losing).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfterS: 1 })
    // It may have been the commit: whether it is tried again is for the caller to say.
    expect(runs).toBe(1)
    expect(await amounts()).toEqual({ a: 0, b: 0 })
    expect(await events()).toEqual([])
    await transaction(database, (tx) => add(tx, 'b'))
    expect(await amounts()).toEqual({ a: 0, b: 1 })
    await database.query('update accounts set amount = 0')
  }
})

test('R-P-7: a transaction whose request is over is cancelled and rolled back, and its connection is free again', async () => {
  const small = openDatabase('late', clone.url, { poolSize: 1 })
  const request = { isOver: false, committing: false }
  const [{ pid }] = (await transaction(small, (tx) => tx.query('select pg_backend_pid() as pid'))) as [{ pid: number }]
  const late = transaction(
    small,
    async (tx) => {
      await add(tx, 'a')
      request.isOver = true
      await tx.query('select pg_sleep(14)')
    },
    { bound: request },
  )
  await expect(late).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
  // On the same connection: nothing that comes later is what is cancelled.
  for (let i = 0; i < 20; i++)
    expect(await transaction(small, (tx) => tx.query('select pg_backend_pid() as pid'))).toEqual([{ pid }])
  expect(await amounts()).toEqual({ a: 0, b: 0 })
  await small.close()
})

test('R-P-7: whoever waits for a connection gets 503 before the deadline', async () => {
  const small = openDatabase('small', clone.url, { poolSize: 1 })
  await transaction(small, async (tx) => {
    await add(tx, 'a')
    const deadline = Deadline.after(400)
    const other = transaction(small, (own) => add(own, 'b'), { deadline })
    await expect(other).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfterS: 1 })
    expect(deadline.remainingMs()).toBeGreaterThan(0)
  })
  await small.close()
})

test('a pool with no free connection says so in time', async () => {
  const small = openDatabase('small', clone.url, { poolSize: 1, acquireTimeoutMs: 500 })
  await transaction(small, async (tx) => {
    await add(tx, 'a')
    await expect(transaction(small, (other) => add(other, 'b'))).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  })
  expect(await amounts()).toEqual({ a: 1, b: 0 })
  await small.close()
})

test('reads that are under way when their connection is lost get SERVICE_UNAVAILABLE, and the next works', async () => {
  for (const lane of [database, database.slow]) {
    const reads = Array.from({ length: 40 }, (_, i) =>
      lane
        .query(
          i === 20 ? 'select pg_terminate_backend(pg_backend_pid())' : 'select $1::integer as i',
          i === 20 ? [] : [i],
        )
        .then(
          ([row]) => row,
          (error) => error.code,
        ),
    )
    const answers = await Promise.all(reads)
    for (const [i, answer] of answers.entries()) if (answer !== 'SERVICE_UNAVAILABLE') expect(answer).toEqual({ i })
    expect(answers[20]).toBe('SERVICE_UNAVAILABLE')
    expect(await lane.query('select 1 as one')).toEqual([{ one: 1 }])
  }
})

test.each([
  ['while it is idle', undefined],
  ['in place of an answer', 'select pg_sleep(20)'],
])('a connection that is lost %s, and whose end comes late, does not take its successor along', async (_, underWay) => {
  const door = await openDoor(clone.url)
  const own = openDatabase('own', door.url, { readLanes: 1 })
  const [{ pid }] = (await own.query('select pg_backend_pid() as pid')) as [{ pid: number }]
  const lost = door.next()
  // The server says goodbye first and closes the socket later. In between a read makes a new connection.
  door.hold()
  const reads: Promise<unknown>[] = []
  if (underWay !== undefined) reads.push(own.query(underWay).catch(() => 'lost'))
  await admin.query('select pg_terminate_backend($1, 5000)', [pid])
  const successor = door.next()
  for (let come = false; !come; ) {
    reads.push(own.query('select 1 as one').catch(() => 'lost'))
    come = await Promise.race([
      successor.then(() => true),
      new Promise<false>((resolve) => setImmediate(resolve, false)),
    ])
  }
  await (await lost).end()
  reads.push(own.query('select 1 as one'))
  door.letThrough()
  expect((await Promise.all(reads)).at(-1)).toEqual([{ one: 1 }])
  expect(
    await own.query(`select count(*) as count from pg_stat_activity where application_name = 'lintel:own'`),
  ).toEqual([{ count: 1 }])
  await own.close()
  await door.close()
})

test('a connection that the server ends as soon as it is made is SERVICE_UNAVAILABLE, and does not end the process', async () => {
  const message = (type: string, ...parts: (string | number[])[]) => {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length + 4)
    return Buffer.concat([Buffer.from(type), length, body])
  }
  const [authenticated, ready] = [message('R', [0, 0, 0, 0]), message('Z', 'I')]
  const goodbye = message('E', 'SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, goodbye])))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = openDatabase('own', `postgres://user@127.0.0.1:${(server.address() as AddressInfo).port}/db`)
  const uncaught: unknown[] = []
  const hear = (error: unknown) => uncaught.push(error)
  process.on('uncaughtException', hear)
  for (const ask of [
    () => transaction(own, (tx) => add(tx, 'a')),
    () => own.query('select 1'),
    () => own.slow.query('select 1'),
  ])
    await expect(ask()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  process.off('uncaughtException', hear)
  expect(uncaught).toEqual([])
  await own.close()
  server.close()
})

interface Guest {
  /** Ends the connection to the client; resolves when the client has closed its side too. */
  end(): Promise<void>
}

/** A door to the server. While it is held, who comes has to wait, and the server's end of a connection is kept back. */
async function openDoor(url: string) {
  const { host, port, user, password } = addressOf(url)
  const waiting: (() => void)[] = []
  const guests: Guest[] = []
  const watchers: ((guest: Guest) => void)[] = []
  let held = false
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const guest: Guest = {
      end: async () => {
        if (socket.closed) return
        socket.end()
        await once(socket, 'close')
      },
    }
    const watcher = watchers.shift()
    if (watcher) watcher(guest)
    else guests.push(guest)
    const go = () => {
      const behind = host.startsWith('/') ? connectTo(`${host}/.s.PGSQL.${port}`) : connectTo(port, host)
      socket.pipe(behind)
      behind.on('data', (data) => socket.write(data))
      behind.on('end', () => {
        if (!held) socket.end()
      })
      behind.on('error', () => {})
      // What nobody takes any more must not keep the socket from ending: a pipe whose end fails stops reading.
      behind.on('close', () => socket.resume())
    }
    socket.on('error', () => {})
    if (held) waiting.push(go)
    else go()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = (server.address() as AddressInfo).port
  return {
    url: `postgres://${user}:${encodeURIComponent(password ?? '')}@127.0.0.1:${at}/${databaseName()}`,
    /** The next one who comes and has not been shown. */
    next: () =>
      new Promise<Guest>((resolve) => (guests.length > 0 ? resolve(guests.shift()!) : watchers.push(resolve))),
    hold() {
      held = true
    },
    letThrough() {
      held = false
      for (const go of waiting.splice(0)) go()
    },
    close: () => new Promise<unknown>((resolve) => server.close(resolve)),
  }
}
