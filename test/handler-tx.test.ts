import { afterAll, beforeAll, expect, test } from 'vitest'
import { operation, service, t } from '../src/contract/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const contract = service('notes', {
  operations: {
    write: operation({ method: 'PUT', path: '/notes', access: 'public', answer: { numbers: t.list(t.integer()) } }),
  },
})

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(
    contract,
    {
      async write(_, { tx, read }) {
        const { query, cells } = tx
        await query('insert into notes values (1)')
        await cells('insert into notes values ($1)', ['2'])
        const logged = { ...tx }
        await logged.query('insert into notes values (3)')
        const rows = await query<{ number: number }>('select number from notes order by number')
        // None is committed yet.
        const seen = await Promise.all(
          [read.query, read.cells].map((ask: (text: string) => Promise<unknown[]>) => ask('select number from notes')),
        )
        expect(seen).toEqual([[], []])
        return { numbers: rows.map(({ number }) => number) }
      },
    },
    'create table notes (number integer)',
  )
})
afterAll(() => running?.stop())

test('what a handler takes out of `tx` and `read`, hands on or copies works as in its place', async () => {
  const { status, body } = await send(running.url, 'PUT', '/notes')
  expect([status, body]).toEqual([200, { numbers: [1, 2, 3] }])
})
