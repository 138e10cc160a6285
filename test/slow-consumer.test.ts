import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { event, operation, ownConsumer, service, t } from '../src/contract/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const books = service('books', {
  operations: {
    borrow: operation({ method: 'PUT', path: '/loans', access: 'public', answer: { done: t.boolean() } }),
  },
  events: { 'book.borrowed': event({}) },
  consumers: { reminders: ownConsumer(['book.borrowed']), shelves: ownConsumer(['book.borrowed']) },
})

let running: SmallSystem
let slow = 0
let letGo!: () => void
const gone = new Promise<void>((resolve) => {
  letGo = resolve
})
/** Resolved in turn, by each event that the quick consumer has handled. */
const handled: (() => void)[] = []

beforeAll(async () => {
  running = await smallSystem(
    books,
    {
      async borrow(_, { emit }) {
        emit('book.borrowed', newId('bok'), {})
        return { done: true }
      },
      reminders: {
        async 'book.borrowed'() {
          slow++
          await gone
        },
      },
      shelves: {
        async 'book.borrowed'() {
          handled.shift()?.()
        },
      },
    },
    '',
  )
})
afterAll(async () => {
  letGo()
  await running.stop()
})

// Less than the 20 s after which a handler is given up, and its connection is free.
const TIME = { timeout: 15_000 }

test('R-EVT-6: a consumer whose handlers are all slow holds up no other consumer of its service', TIME, async () => {
  const count = 12
  const seen = Array.from({ length: count }, () => new Promise<void>((resolve) => handled.push(resolve)))
  for (let i = 0; i < count; i++) expect((await send(running.url, 'PUT', '/loans')).status).toBe(200)
  await Promise.all(seen)
  expect(slow).toBeLessThan(count)
})
