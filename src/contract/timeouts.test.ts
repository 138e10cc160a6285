import { expect, test } from 'vitest'
import { openapi } from './documents/openapi.ts'
import { operation, resource, service, t } from './index.ts'
import { inWords } from './known-members.ts'

const contractWith = (verbs: object, timeoutMs?: unknown) =>
  service('notes', {
    resources: {
      notes: resource('note', {
        id: 'nte',
        fields: { title: t.text() },
        access: { list: 'public', create: 'public' },
        timeoutMs: verbs,
      }),
    },
    operations: {
      publish: operation({ method: 'PUT', path: '/publications', access: 'public', ...({ timeoutMs } as object) }),
    },
  })

test('R-P-7: an operation may have a timeoutMs of its own, which the document shows', () => {
  const contract = contractWith({ list: 2_000 }, 300_000)
  const timeouts = Object.fromEntries(contract.served.map(({ id, timeoutMs }) => [id, timeoutMs]))
  expect(timeouts).toEqual({
    'notes.notes.list': 2_000,
    'notes.notes.create': undefined,
    'notes.publish': 300_000,
  })
  const shown = openapi([contract]).paths['/v1/notes'] ?? openapi([contract]).paths['/notes']!
  expect(shown.get).toMatchObject({ 'x-lintel-timeout-ms': 2_000 })
  expect(shown.post).not.toHaveProperty('x-lintel-timeout-ms')
})

test.each([0, 9, -1, 1.5, 300_001, Number.NaN, Number.POSITIVE_INFINITY, '1000', '10s', null])(
  'R-P-7: a timeoutMs of %j is refused, and it is said what to give',
  (timeoutMs) => {
    const expected = `notes.publish: has the timeoutMs ${inWords(timeoutMs)}. Give a whole number of milliseconds from 10 to 300000`
    expect(() => contractWith({}, timeoutMs)).toThrow(expected)
    expect(() => contractWith({ create: timeoutMs })).toThrow(
      `notes.notes.create: has the timeoutMs ${inWords(timeoutMs)}`,
    )
  },
)

test('R-P-7: a timeoutMs of a verb that is not offered is refused', () => {
  expect(() => contractWith({ delete: 1_000 })).toThrow('notes.timeoutMs: names "delete", which has no access rule')
})
