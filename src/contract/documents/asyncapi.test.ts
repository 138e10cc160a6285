import { Parser } from '@asyncapi/parser'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import type { Contract } from '../contract.ts'
import { consumer, event, service, t } from '../index.ts'
import { asyncapi } from './asyncapi.ts'

const REFERENCE: Contract[] = [users, orders]
const songs = service('songs', {
  description: 'What is sung',
  events: {
    'song.created': event({ title: t.text(), since: t.time().optional() }, { older: { 1: (data) => data } }),
  },
})
/** Of a service that is in no system. */
const strange = service('readers', { consumers: { things: consumer(songs, ['song.created']) } })

test.each([
  ['the reference system', REFERENCE],
  ['a service without a resource', [songs]],
  ['a consumer of a service elsewhere', [strange]],
  ['no service', []],
])('R-P-2: the document of %s is valid by AsyncAPI’s own parser', async (_, contracts) => {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncapi(contracts, { title: 'shop' })))
  // Advice, such as to give a license, is not ours to follow: it is about an API, and we describe a system.
  expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([])
  expect(document?.version()).toBe('3.0.0')
})

test('R-EVT-1: each event has a channel at its subject, a sender, and a receiver for each consumer', () => {
  const { channels, operations } = asyncapi(REFERENCE, { title: 'shop' })
  expect(Object.keys(channels)).toEqual(
    REFERENCE.flatMap(({ name, events }) => Object.keys(events).map((type) => `${name}.${type}`)),
  )
  expect(channels['orders.order.created']).toMatchObject({ address: 'shop.orders.order.created' })
  const about = (type: string) =>
    Object.entries(operations).flatMap(([id, { action, channel }]) =>
      channel.$ref === `#/channels/${type}` ? [`${id}: ${action}`] : [],
    )
  expect(about('users.user.deleted')).toEqual([
    'users.send.user.deleted: send',
    'orders.buyers.receive.user.deleted: receive',
  ])
  expect(about('orders.order.created')).toEqual([
    'orders.send.order.created: send',
    'orders.confirmations.receive.order.created: receive',
  ])
})

test('R-EVT-7: a message says which version its data have, and its schema takes what consumers get', () => {
  const { components } = asyncapi([songs])
  const message = components.messages['songs.song.created']!
  expect(message['x-lintel-data-version']).toBe(2)
  expect(message.payload).toEqual({ $ref: '#/components/schemas/SongCreatedData' })
  const takes = new Ajv2020({ strict: false, formats: { 'date-time': true } }).compile(
    components.schemas.SongCreatedData!,
  )
  expect(takes({ title: 'Blue', since: null })).toBe(true)
  expect(takes({ title: 5, since: null })).toBe(false)
  expect(takes({ title: 'Blue' })).toBe(false)
})

test('R-P-2: a consumer of a service that is not in the system has no operation', () => {
  expect(asyncapi([strange]).operations).toEqual({})
  expect(Object.keys(asyncapi([songs, strange]).operations)).toEqual([
    'songs.send.song.created',
    'readers.things.receive.song.created',
  ])
})
