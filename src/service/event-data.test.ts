import { expect, test } from 'vitest'
import { event, t } from '../contract/index.ts'
import type { CarriedEvent } from '../events/carrier.ts'
import { dataReader } from './event-data.ts'

/** First it had a `name`, then a `title`; now it also says since when it is there. */
const spec = event(
  { title: t.text({ min: 1 }), since: t.time() },
  {
    older: {
      1: ({ name, ...rest }) => ({ ...rest, title: name }),
      2: (data, { timestamp }) => ({ ...data, since: timestamp }),
    },
  },
)
const read = dataReader('song.created', spec)

const published = (data: object, dataVersion?: number): CarriedEvent => ({
  id: '01977d6c-1b6f-7000-8000-000000000000',
  type: 'song.created',
  aggregateId: 'sng_1',
  occurredAt: '2026-01-02T03:04:05.678Z',
  data: JSON.stringify(data),
  headers: dataVersion === undefined ? undefined : JSON.stringify({ requestId: 'one', dataVersion }),
})
const now = { title: 'Blue', since: '2026-01-02T03:04:05.678Z' }

test('R-EVT-7 FC-58: data of an older shape are brought up before a handler sees them, one shape after the other', () => {
  expect(read(published({ name: 'Blue' }))).toEqual(now)
  expect(read(published({ name: 'Blue' }, 1))).toEqual(now)
  expect(read(published({ title: 'Blue' }, 2))).toEqual(now)
  const later = { title: 'Blue', since: '2020-01-01T00:00:00.000Z' }
  expect(read(published(later, 3))).toEqual(later)
})

test('R-EVT-7: what does not come up to the contract fails, and names the field', () => {
  expect(() => read(published({ name: '' }))).toThrow(/Data of song.created breaks its contract: title/)
  expect(() => read(published({}))).toThrow(/title/)
})

test('R-EVT-7: data of a version that this build does not know yet are refused: a newer process handles them', () => {
  expect(() => read(published(now, 4))).toThrow('song.created has data of version 4, of which this build knows 3')
})
