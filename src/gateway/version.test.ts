import { describe, expect, test } from 'vitest'
import { t } from '../contract/fields.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import { olderShape } from '../contract/versions.ts'
import { versionsOf, withoutVersion } from './version.ts'

const Note = resource('note', { id: 'not', fields: { text: t.text() }, access: { get: 'public' } })
const shapes = { notes: olderShape({ up: (body) => body, down: (answer) => answer }) }

const one = service('ones', { resources: {} })
const three = service('threes', {
  resources: { notes: Note },
  latest: 3,
  older: { 1: { deprecated: '2026-01-01', sunset: '2027-06-30T12:00:00Z', shapes }, 2: { shapes } },
})
const two = service('twos', { resources: {}, latest: 2, older: { 1: { deprecated: '2025-06-01', shapes: {} } } })

const versions = versionsOf([one, three])
const choose = (path?: string, accept?: string, query?: string) =>
  versions.choose(path, accept, query === undefined ? [] : [['version', query]])

describe('R-VER-1', () => {
  test('path beats header beats query, and without any it is version 1', () => {
    const header = 'application/vnd.api+json;version=2'
    expect(choose('3', header, '1')).toBe(3)
    expect(choose(undefined, header, '1')).toBe(2)
    expect(choose(undefined, undefined, '3')).toBe(3)
    expect(choose(undefined, undefined, undefined)).toBe(1)
  })

  test.each([
    ['application/vnd.api+json;version=2', 2],
    ['application/json;version=2', 2],
    ['application/json; version=2', 2],
    ['application/json ; Version = "2"', 2],
    ['APPLICATION/JSON;version=2', 2],
    ['application/json;q=0.5;version=3, application/vnd.api+json;version=2', 2],
    ['application/json;version=3, application/vnd.api+json;version=2', 3],
    ['application/vnd.api+json;version=2, */*;q=0.1', 2],
    ['application/json;version=2;q=0', 1],
    ['application/json;version=9;q=0', 1],
    ['application/json; foo="x;version=9"; version=2', 2],
    ['application/json; foo="a, application/json;version=9"; version=2', 2],
    ['application/json; foo="version=9"', 1],
    ['application/json;version="\\2"', 2],
    ['application/json;version=1;q=0.1, application/json;version=3;q=0.2, */*', 3],
    ['application/problem+json, application/json;version=2', 2],
    ['text/html;version=9', 1],
    ['*/*;version=9', 1],
    ['application/json;subversion=9', 1],
    ['application/json', 1],
    ['*/*', 1],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 1],
    ['', 1],
  ])('Accept: %s is version %d', (accept, version) => {
    expect(choose(undefined, accept)).toBe(version)
  })

  test.each(['0', '4', '9', '01', '2.0', '-1', '1e0', ' 1', '', 'abc', 'latest', '99999999999999999999', '١'])(
    'the unknown version %j is refused wherever it stands, even where another goes before it',
    (text) => {
      const unsupported = expect.objectContaining({
        code: 'UNSUPPORTED_VERSION',
        message: expect.stringContaining('1, 2, 3'),
        details: [{ field: 'version', message: 'must be one of 1, 2, 3' }],
      })
      expect(() => choose(text)).toThrow(unsupported)
      expect(() => choose('1', `application/json;version="${text}x"`)).toThrow(unsupported)
      expect(() => choose('1', 'application/json;version=1', text)).toThrow(unsupported)
    },
  )

  test.each([
    'application/json;version=1, application/json;version=9;q=0.1',
    'application/json;version="2',
    'application/json;version=',
    'application/json;version="2;q=1", application/json;version=2',
  ])('FC-14: Accept: %s names a version that does not exist', (accept) => {
    expect(() => choose('1', accept)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_VERSION' }))
  })

  test('FC-14: two versions in one media range are a 400', () => {
    const twice = expect.objectContaining({ code: 'VALIDATION_ERROR' })
    expect(() => choose(undefined, 'application/json;version=1;version=2')).toThrow(twice)
  })

  test('a version asked for twice in the query is a 400', () => {
    const twice = () =>
      versions.choose(undefined, undefined, [
        ['version', '1'],
        ['version', '1'],
      ])
    expect(twice).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }))
  })

  test('the versions are those of the whole system', () => {
    expect(versionsOf([one]).choose('1', undefined, [])).toBe(1)
    expect(() => versionsOf([one]).choose('2', undefined, [])).toThrow('available: 1')
    expect(versionsOf([one, two]).choose('2', undefined, [])).toBe(2)
  })

  test('services never see the parameter', () => {
    expect(
      withoutVersion([
        ['a', '1'],
        ['version', '2'],
        ['b', '3'],
      ]),
    ).toEqual([
      ['a', '1'],
      ['b', '3'],
    ])
    const none = [['a', '1']] as const
    expect(withoutVersion(none)).toBe(none)
  })
})

describe('R-VER-3', () => {
  test('a deprecated version says since when, and when it ends', () => {
    expect(versions.headers(1)).toEqual([
      'api-version',
      '1',
      'deprecation',
      '@1767225600',
      'sunset',
      'Wed, 30 Jun 2027 12:00:00 GMT',
    ])
    expect(versions.headers(2)).toEqual(['api-version', '2'])
    expect(versions.headers(3)).toEqual(['api-version', '3'])
  })

  test('of several services the first to say so speaks', () => {
    expect(versionsOf([three, two]).headers(1)).toContain(`@${Date.UTC(2025, 5, 1) / 1000}`)
  })
})
