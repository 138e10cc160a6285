import { expect, test, vi } from 'vitest'
import { addressOf } from './connection.ts'
import { isUnverified, pinned, tlsFault } from './tls.ts'

const url = (query: string) => `postgres://ann:hunter22@db:5432/shop?${query}`

test.for([
  ['sslmod=require', /parameter sslmod is unknown \(did you mean sslmode\?\)/],
  ['SSLMODE=require', /parameter SSLMODE is unknown \(did you mean sslmode\?\)/],
  ['ssl_mode=verify-full', /parameter ssl_mode is unknown \(did you mean sslmode\?\)/],
  ['sslmode=verify-full&sslrootcrt=/ca.pem', /parameter sslrootcrt is unknown \(did you mean sslrootcert\?\)/],
  ['tls=true', /parameter tls is unknown/],
  ['sslmode=requier', /sslmode is "requier": expected one of prefer, require, /],
  ['sslmode=allow', /sslmode is "allow": expected one of/],
  ['sslmode=', /sslmode is "": expected one of/],
  ['ssl=yes', /ssl is "yes": give sslmode instead/],
  ['uselibpqcompat=true&sslmode=require', /uselibpqcompat is not supported/],
] as const)(
  'R-OPS-4: a URL with %s is refused, as the driver would connect without TLS or without verification',
  ([query, expected]) => {
    expect(tlsFault(url(query))).toMatch(expected)
    expect(() => addressOf(url(query))).toThrow(expected)
    expect(() => addressOf(url(query))).not.toThrow(/hunter22/)
  },
)

test('R-OPS-4: a misspelt PGSSLMODE is refused, where no URL says otherwise', () => {
  vi.stubEnv('PGSSLMODE', 'requier')
  expect(tlsFault(url(''))).toMatch(/^PGSSLMODE is "requier"/)
  expect(tlsFault(url('sslmode=disable'))).toBeUndefined()
  vi.unstubAllEnvs()
})

test('what says nothing of TLS, or says it right, is taken', () => {
  for (const query of [
    '',
    'application_name=x',
    'sslmode=verify-full',
    'sslmode=no-verify',
    'ssl=true',
    'options=-c%20jit%3Doff',
  ])
    expect([query, tlsFault(url(query))]).toEqual([query, undefined])
  expect(['sslmode=no-verify', 'sslmode=require'].map((query) => isUnverified(url(query)))).toEqual([true, false])
})

test('modes that verify less elsewhere verify everything', () => {
  for (const mode of ['prefer', 'require', 'verify-ca'])
    expect(pinned(url(`a=b&sslmode=${mode}&c=d`))).toBe(url('a=b&sslmode=verify-full&c=d'))
  for (const mode of ['disable', 'no-verify']) expect(pinned(url(`sslmode=${mode}`))).toBe(url(`sslmode=${mode}`))
})
