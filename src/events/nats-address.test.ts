import { expect, test } from 'vitest'
import { natsAddress } from './nats-address.ts'

test('a URL has a host, and perhaps a port, a login and TLS; several are one cluster with one login', () => {
  expect(natsAddress('nats://queue')).toEqual({
    servers: ['queue:4222'],
    hosts: ['queue'],
    tls: false,
    login: undefined,
  })
  expect(natsAddress('tls://ann:p%40ss%3Aw@one:7000,tls://[::1]')).toEqual({
    servers: ['one:7000', '[::1]:4222'],
    hosts: ['one', '::1'],
    tls: true,
    login: { user: 'ann', pass: 'p@ss:w' },
  })
  expect(natsAddress('nats://s3cr%2Ft@queue')).toMatchObject({ login: { token: 's3cr/t' } })
  expect(natsAddress('nats://ann:pw@one,nats://ann:pw@two')).toMatchObject({ login: { user: 'ann', pass: 'pw' } })
})

test.for([
  'queue:4222',
  'http://queue',
  'nats://',
  'nats://one,tls://two',
  'nats://ann:pw@one,nats://bob:pw@two',
  'nats://:pw@queue',
  'nats://ann:a%b@queue',
  'nats://queue?tls=true',
  'nats://queue/lintel',
  'tls://one,',
])('R-OPS-4: %s is no URL of a NATS server', (text) => expect(natsAddress(text)).toBeUndefined())
