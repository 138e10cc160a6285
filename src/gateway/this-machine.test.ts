import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { isFromThisMachine } from './this-machine.ts'

interface Asked {
  peer?: string
  url?: string
  headers?: Record<string, string>
}

function local({ peer = '127.0.0.1', url = '/dev/mails', headers = {} }: Asked): boolean {
  const given = { host: 'localhost:3000', ...headers }
  return isFromThisMachine({ socket: { remoteAddress: peer }, url, headers: given } as unknown as IncomingMessage)
}

test('FC-90 R-OPS-4: a loopback peer that asks for localhost or a loopback address, at any port, is this machine', () => {
  for (const peer of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])
    expect([peer, local({ peer })]).toEqual([peer, true])
  for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1', '127.1.2.3:80', '[::1]', '[::1]:3000'])
    expect([host, local({ headers: { host } })]).toEqual([host, true])
  expect(local({ headers: { origin: 'http://localhost:3000' } })).toBe(true)
  const browser = {
    'user-agent': 'b',
    accept: '*/*',
    cookie: 'a=b',
    'sec-fetch-mode': 'navigate',
    // Of an address that somebody typed, or a link that somebody followed.
    'sec-fetch-user': '?1',
    'upgrade-insecure-requests': '1',
  }
  for (const site of ['none', 'same-origin'])
    expect(local({ headers: { ...browser, 'sec-fetch-site': site } })).toBe(true)
})

test('FC-90 R-OPS-4: any other peer, any other Host, and whatever was forwarded is not', () => {
  for (const peer of ['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1%eth0', ''])
    expect([peer, local({ peer })]).toEqual([peer, false])
  for (const host of [
    'example.com',
    'localhost.example.com',
    '127.0.0.1.example.com',
    '127.0.0.1@evil',
    '0.0.0.0',
    '',
    '[::1',
  ])
    expect([host, local({ headers: { host } })]).toEqual([host, false])
  for (const name of ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-anything'])
    expect([name, local({ headers: { [name]: '' } })]).toEqual([name, false])
  for (const name of [
    'x-real-ip',
    'cf-connecting-ip',
    'true-client-ip',
    'x-client-ip',
    'x_forwarded_for',
    'x-original-url',
  ])
    expect([name, local({ headers: { [name]: '' } })]).toEqual([name, false])
  expect(local({ headers: { 'sec-fetch-site': 'cross-site' } })).toBe(false)
  expect(local({ url: 'http://localhost/dev/mails' })).toBe(false)
  for (const origin of ['https://evil.example', 'null', 'http://localhost:5173'])
    expect([origin, local({ headers: { origin } })]).toEqual([origin, false])
})
