import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import { openapi } from '../contract/documents/openapi.ts'
import { operation, service } from '../contract/index.ts'
import { readTarget } from './path.ts'

describe('R-VER-5: /api and the version', () => {
  test.each([
    ['/users', undefined],
    ['/api/users', undefined],
    ['/v1/users', '1'],
    ['/api/v1/users', '1'],
    ['/v2/users', '2'],
    ['/v2.1/users', '2.1'],
    ['/v007/users', '007'],
  ])('%s is users in version %s', (raw, version) => {
    expect(readTarget(raw)).toEqual({ path: raw, segments: ['users'], version, query: '' })
  })

  test('each stands once, and in this order', () => {
    expect(readTarget('/api/api/users').segments).toEqual(['api', 'users'])
    expect(readTarget('/v1/api/users').segments).toEqual(['api', 'users'])
    expect(readTarget('/v1/v1/users').segments).toEqual(['v1', 'users'])
  })

  test('what only looks like a version is a segment', () => {
    for (const name of ['v', 'vx', 'v8s', 'versions', 'V1', '1', 'v1-beta'])
      expect(readTarget(`/${name}/x`)).toMatchObject({ segments: [name, 'x'], version: undefined })
  })

  test('alone they lead nowhere', () => {
    for (const raw of ['/api', '/v1', '/api/v1']) expect(readTarget(raw).segments).toEqual([])
    for (const raw of ['/', '/api/', '/v1/']) expect(readTarget(raw).segments).toEqual([''])
  })
})

test('the query is split off raw, and the path kept as it was written', () => {
  expect(readTarget('/api/v1/users/usr_%31?a=1&b=?/#'.slice(0, -1))).toEqual({
    path: '/api/v1/users/usr_%31',
    segments: ['users', 'usr_1'],
    version: '1',
    query: 'a=1&b=?/',
  })
  expect(readTarget('/users?').query).toBe('')
})

test('a trailing slash leaves an empty segment, which no route has', () => {
  expect(readTarget('/users/').segments).toEqual(['users', ''])
})

test('the target may be absolute', () => {
  expect(readTarget('http://example.com:80/v1/users?x=1')).toMatchObject({
    path: '/v1/users',
    segments: ['users'],
    query: 'x=1',
  })
  expect(readTarget('HTTPS://[::1]/users').path).toBe('/users')
  for (const port of ['', '0', '00080', '59999', '64999', '65499', '65529', '65535'])
    expect(readTarget(`http://a:${port}/users`).path).toBe('/users')
})

test('segments are decoded once', () => {
  expect(readTarget('/users/caf%C3%A9%20%2B%252f').segments).toEqual(['users', 'café +%2f'])
})

describe('R-GW-4: strange targets are refused, not repaired', () => {
  test.each([
    '//users',
    '/users//orders',
    '/users///',
    '//',
    '/./users',
    '/users/.',
    '/users/..',
    '/users/../orders',
    '/%2e%2e/users',
    '/users/%2E%2e/orders',
    '/users/.%2e',
    '/users/%2e',
    '/users%2forders',
    '/users%2Forders',
    '/users/%5c',
    '/users\\..\\orders',
    '/users/%00',
    '/users/a%00b',
    '/users/%0d%0aX-A:b',
    '/users/%7f',
    '/users/%',
    '/users/%4',
    '/users/%zz',
    '/users/%c0%af',
    '/users/%ff',
    '/users/%ed%a0%80',
    '/users#top',
    '/users/a b',
    '/users/caf\xe9',
    '/users?q=caf\xc3\xa9',
    '/users?q=a b',
    '/users?q=#',
    'users',
    '',
    '*',
    '?x=1',
    'http://example.com',
    'http:///users',
    'http://u:p@example.com/users',
    'http://127.0.0.1@example.com/users',
    'http://a,b/users',
    'http://[::1/users',
    'http://example.com:80x/users',
    'http://a:65536/users',
    'http://a:99999/users',
    'http://[::1]:70000/users',
    'http://a:000080/users',
    'ftp://example.com/users',
    'javascript:alert(1)',
    'example.com:443',
  ])('%j', (raw) => {
    expect(() => readTarget(raw)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }))
  })

  test('more than 8 KiB', () => {
    expect(readTarget(`/${'a'.repeat(8191)}`).segments).toHaveLength(1)
    expect(() => readTarget(`/${'a'.repeat(8192)}`)).toThrow(expect.objectContaining({ code: 'URI_TOO_LONG' }))
    expect(() => readTarget(`/a?${'a'.repeat(8190)}`)).toThrow(expect.objectContaining({ code: 'URI_TOO_LONG' }))
  })

  test('whatever is read has no dot segment, slash or control in it, and nothing but a Problem is thrown', () => {
    const character = fc.constantFrom(
      '/',
      '.',
      '%',
      '2',
      'e',
      'f',
      '0',
      'c',
      'a',
      '5',
      '\\',
      '?',
      '#',
      'v',
      '1',
      ' ',
      '\xff',
    )
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 30 }), (text) => {
        try {
          const { segments } = readTarget(`/${text}`)
          for (const [i, segment] of segments.entries()) {
            expect(segment).not.toMatch(/^\.\.?$|[/\\]/)
            if (segment === '') expect(i).toBe(segments.length - 1)
          }
        } catch (error) {
          if (!(error instanceof Problem)) throw error
        }
      }),
      { numRuns: 5_000 },
    )
  })
})

test('R-P-2: a segment is taken if the document says so of a parameter that is no id', () => {
  const things = service('things', {
    operations: { use: operation({ method: 'PUT', path: '/things/{token}', access: 'public' }) },
  })
  const { parameters } = openapi([things]).paths['/things/{token}']!.put!
  const [token] = parameters as unknown as { schema: { pattern: string } }[]
  const pattern = new RegExp(token!.schema.pattern, 'u')
  const taken = (text: string) => {
    try {
      return readTarget(`/things/${encodeURIComponent(text)}`).segments[1] === text
    } catch {
      return false
    }
  }
  const text = fc.oneof(
    fc.string({
      unit: fc.constantFrom('.', '/', '\\', '\x00', '\x1f', ' ', '\x7f', '\x80', 'a', '%', '?', '#', '😀'),
      minLength: 1,
    }),
    fc.string({ unit: 'binary', minLength: 1 }),
  )
  fc.assert(
    fc.property(text, (one) => {
      expect(taken(one)).toBe(pattern.test(one))
    }),
  )
})
