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

test('R-OPS-4: a wrong TRUSTED_PROXIES is refused with the entry', () => {
  for (const list of ['300.1.1.1', '10.0.0.0/33', 'localhost', '10.0.0.0/x'])
    expect(() => trustedProxies(list)).toThrow(`"${list}"`)
})
