import { expect, test } from 'vitest'
import { placeOf, redisAddress } from './address.ts'

test('a URL has a host, and perhaps a port, a user, a password and the number of a database', () => {
  expect(redisAddress('redis://cache')).toEqual({
    host: 'cache',
    port: 6379,
    tls: false,
    user: undefined,
    password: undefined,
    database: 0,
  })
  expect(redisAddress('rediss://ann:p%40ss%2F1@[::1]:7000/3')).toEqual({
    host: '::1',
    port: 7000,
    tls: true,
    user: 'ann',
    password: 'p@ss/1',
    database: 3,
  })
  expect(redisAddress('redis://:secret@cache/')).toMatchObject({ user: undefined, password: 'secret', database: 0 })
})

test.for(['cache:6379', 'http://cache', 'redis://', 'redis://cache/x', 'redis://cache?db=1', 'redis://:a%b@cache'])(
  'R-OPS-4: %s is no URL of a Redis',
  (text) => expect(redisAddress(text)).toBeUndefined(),
)

test('the place that messages name has no user and no password', () => {
  expect(placeOf(redisAddress('redis://ann:secret@[::1]:7000/3')!)).toBe('[::1]:7000/3')
  expect(placeOf(redisAddress('redis://:secret@cache')!)).toBe('cache:6379')
})
