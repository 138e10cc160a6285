import { expect, test } from 'vitest'
import { clientAddress, limitKey, trustedProxies } from './client-address.ts'

const trusted = trustedProxies('10.0.0.0/8, ::1, 2001:db8::/32')

test.for([
  ['no proxy is trusted', '1.2.3.4', '9.9.9.9', undefined, '1.2.3.4'],
  ['the peer is no trusted proxy', '1.2.3.4', '9.9.9.9', trusted, '1.2.3.4'],
  [
    'the nearest address counts, not what a stranger wrote before it',
    '10.0.0.1',
    '6.6.6.6, 9.9.9.9',
    trusted,
    '9.9.9.9',
  ],
  ['trusted proxies in between are passed over', '10.0.0.1', '9.9.9.9, 10.1.1.1, 2001:db8::5', trusted, '9.9.9.9'],
  ['something that is no address ends the search', '10.0.0.1', '9.9.9.9, nonsense', trusted, '10.0.0.1'],
  ['IPv4 in IPv6 is IPv4', '::ffff:10.0.0.1', '::ffff:9.9.9.9', trusted, '9.9.9.9'],
  ['FC-41: with a port', '10.0.0.1', '1.2.4.5:1111', trusted, '1.2.4.5'],
  ['FC-41: with a port, behind another proxy', '10.0.0.1', '1.2.5.6:2222, 10.0.0.7:80', trusted, '1.2.5.6'],
  ['FC-41: in brackets', '10.0.0.1', '[2001:470::1]', trusted, '2001:470::1'],
  ['FC-41: in brackets, with a port', '10.0.0.1', '[2001:470::1]:443, [2001:db8::5]:80', trusted, '2001:470::1'],
  ['FC-41: IPv4 in IPv6, in hexadecimal', '10.0.0.1', '::ffff:102:885', trusted, '1.2.8.133'],
  ['FC-41: IPv4 in IPv6, in full', '10.0.0.1', '0000:0:0:0000:0:FFFF:0902:0885', trusted, '9.2.8.133'],
  ['FC-41: IPv4 in IPv6, in brackets, with a port', '10.0.0.1', '[::ffff:1.2.3.4]:99', trusted, '1.2.3.4'],
  ['FC-41: a proxy that is IPv4 in IPv6, in hexadecimal', '::ffff:a00:1', '1.2.3.4', trusted, '1.2.3.4'],
  ['FC-41: an empty element is none', '10.0.0.1', '1.2.3.4, , ', trusted, '1.2.3.4'],
  ['FC-41: a port alone is no address', '10.0.0.1', '9.9.9.9, :1111', trusted, '10.0.0.1'],
  ['FC-41: a name with a port is no address', '10.0.0.1', '9.9.9.9, unknown:1111', trusted, '10.0.0.1'],
  ['the header is empty', '10.0.0.1', '', trusted, '10.0.0.1'],
] as const)('R-RATE-4: %s', ([, peer, header, proxies, expected]) => {
  expect(clientAddress(peer, header, proxies)).toBe(expected)
})

test('R-RATE-1: IPv6 clients are told apart by their /64', () => {
  expect(limitKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(limitKey('2001:db8:1:2::9')).toBe('2001:db8:1:2::/64')
  expect(limitKey('2001:0DB8:0001:0002::')).toBe('2001:db8:1:2::/64')
  expect(limitKey('::1')).toBe('0:0:0:0::/64')
  expect(limitKey('1.2.3.4')).toBe('1.2.3.4')
})

test('FC-41: IPv4 clients behind a translator (RFC 6052) are told apart, and other IPv6 clients by their numbers', () => {
  expect(limitKey('64:ff9b::1.2.3.4')).toBe('1.2.3.4')
  expect(limitKey('64:ff9b::102:305')).toBe('1.2.3.5')
  expect(limitKey('64:ff9b:1::102:304')).toBe('64:ff9b:1:0::/64')
  expect(limitKey('2001:470:1:2::1.2.3.4')).toBe('2001:470:1:2::/64')
  expect(limitKey('::1.2.3.4')).toBe('0:0:0:0::/64')
})

test('FC-41: TRUSTED_PROXIES may be in any spelling too', () => {
  const mapped = trustedProxies('::ffff:10.0.0.0/104, ::FFFF:C0A8:101')
  for (const peer of ['10.1.2.3', '::ffff:10.1.2.3', '192.168.1.1', '::ffff:c0a8:101'])
    expect(clientAddress(peer, '1.2.3.4', mapped)).toBe('1.2.3.4')
  expect(clientAddress('11.0.0.1', '1.2.3.4', mapped)).toBe('11.0.0.1')
  expect(() => trustedProxies('::ffff:10.0.0.0/8')).toThrow('"::ffff:10.0.0.0/8"')
})

test('R-OPS-4: a wrong TRUSTED_PROXIES is refused with the entry', () => {
  for (const list of ['300.1.1.1', '10.0.0.0/33', 'localhost', '10.0.0.0/x'])
    expect(() => trustedProxies(list)).toThrow(`"${list}"`)
})
