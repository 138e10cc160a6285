import { describe, expect, test } from 'vitest'
import { type ForeignRoute, operationOf, readTerms } from '../proxy/foreign/foreign-route.ts'
import { createLookalikes } from './lookalikes.ts'
import { ownPaths } from './own-paths.ts'
import { readTarget } from './path.ts'
import { createRouter } from './router.ts'

type Routes = readonly (readonly [method: ForeignRoute['method'], path: string, access: string, cost?: number])[]

/** What becomes of a request: the template that it is routed by, `none`, or `misleads`. */
function routing(routes: Routes) {
  const served = routes.map(([method, path, access, cost = 1]) =>
    operationOf('shop', { method, path, upstream: 'shop', ...readTerms({ access, cost }, '', () => {}) }),
  )
  const contract = { name: 'shop', served, problems: {}, latest: 1, older: {} }
  const upstream = {
    name: 'shop',
    forward: () => Promise.reject(),
    health: () => Promise.reject(),
    replicas: () => [],
    close: async () => {},
  }
  const router = createRouter([{ contract, upstream }], ownPaths({ documents: false }))
  const lookalikes = createLookalikes(router.templates)
  return (path: string, method = 'GET'): string => {
    const { segments } = readTarget(path, false)
    const found = router.route(segments)
    if (found === undefined) return 'none'
    const { routes } = found.place
    if (found.params.length > 0 && lookalikes.misleads(routes, method, path, segments)) return 'misleads'
    return routes.GET?.operation.path ?? Object.values(routes)[0]!.operation.path
  }
}

const EXPORT: Routes = [
  ['GET', '/items/{id}', 'public'],
  ['GET', '/items/export', 'admin'],
  ['GET', '/items/{id}/parts/{part}', 'public'],
  ['GET', '/items', 'admin'],
]

describe('FC-95: what an upstream could read as another path is not routed by a weaker rule', () => {
  const place = routing(EXPORT)

  test.each([
    ...['/items/export;x=1', '/items/export;', '/items/Export', '/items/EXPORT', '/items/export.', '/items/export..'],
    ...['/items/export%20', '/items/export%20.', '/items/%20export', '/items/export+', '/items/export%C2%A0'],
    ...['/items/%2565xport', '/items/%252565xport', '/items/%25u0065xport', '/items/export%2520', '/items/export%2500'],
    ...['/items/export%252f', '/items/x%252f..%252fexport', '/items/export%255c', '/items/..%252fexport'],
    ...[
      '/items/%EF%BD%85xport',
      '/items/exp%C3%B6rt',
      '/items/export%E2%80%8B',
      '/items/expo%CC%81rt',
      '/items/export%C2%AD',
    ],
    ...[
      '/items/export.json',
      '/items/Export.CSV',
      '/items/export.html;x',
      '/items/export::$DATA',
      '/items/export:$i30',
    ],
    // As the list, which is an admin's.
    ...['/items/;x=1', '/items/%20', '/items/%252f', '/items/...'],
    // Slashes that only some take for one, overlong ones among them: nothing that is routed.
    ...['/items/1%EF%BC%8Fsecret', '/items/1%E2%88%95secret', '/items/1%252fsecret', '/items/1%255csecret'],
    ...['/items/1%25c0%25afsecret', '/items/..%25c0%25afsecret', '/items/1%25ff'],
  ])('%s', (path) => expect(place(path)).toBe('misleads'))

  test.each([
    ...['/items/usr_AbC', '/items/exporter', '/items/export-2', '/items/my.export', '/items/a;b', '/items/100%25'],
    ...[
      '/items/caf%C3%A9',
      '/items/a%20b',
      '/items/8%C2%BD',
      '/items/c++',
      '/items/+',
      '/items/v1.2',
      '/items/photo.JPG',
      '/items/export.1',
    ],
  ])('%s is what it is', (path) => expect(place(path)).toBe('/items/{id}'))

  test.each(['/items/export', '/items/%65xport'])('%s is the other one, by its own rule', (path) =>
    expect(place(path)).toBe('/items/export'),
  )

  test('deeper values are looked at too, and paths that more general templates would take are not', () => {
    expect(place('/items/Export/parts/1')).toBe('/items/{id}/parts/{part}')
    expect(place('/items/1/parts/a%252fb')).toBe('misleads')
    const general = routing([...EXPORT, ['GET', '/{a}/{b}', 'authenticated']])
    expect(general('/items/7')).toBe('/items/{id}')
    expect(general('/things/7')).toBe('/{a}/{b}')
    expect(general('/Items/7')).toBe('misleads')
    expect(general('/Items/export')).toBe('misleads')
  })

  test('a method that the other one does not offer, and a higher cost, are other rules; the same rules are none', () => {
    const place = routing([
      ['GET', '/items/{id}', 'public'],
      ['DELETE', '/items/{id}', 'public'],
      ['GET', '/items/me', 'public'],
      ['GET', '/items/search', 'public', 20],
    ])
    expect(place('/items/Me')).toBe('/items/{id}')
    expect(place('/items/Me', 'HEAD')).toBe('/items/{id}')
    expect(place('/items/Me', 'DELETE')).toBe('misleads')
    expect(place('/items/Search')).toBe('misleads')
  })

  test('text beside parameters: each is routed by its own template, and not by another in other letters', () => {
    const place = routing([
      ['GET', '/calls/{sid}', 'public'],
      ['GET', '/calls/{sid}.json', 'admin'],
      ['GET', '/calls/{sid}:cancel', 'admin'],
      ['GET', '/points/{a};x={b}', 'public'],
      ['GET', '/compare/{base}...{head}', 'public'],
    ])
    expect(place('/calls/a.json')).toBe('/calls/{sid}.json')
    expect(place('/calls/a')).toBe('/calls/{sid}')
    expect(place('/calls/a.xml')).toBe('/calls/{sid}')
    for (const path of ['/calls/a.JSON', '/calls/a.json;x', '/calls/a:Cancel', '/calls/a%253Acancel'])
      expect([path, place(path)]).toEqual([path, 'misleads'])
    expect(place('/points/1;x=2%20')).toBe('/points/{a};x={b}')
    expect(place('/compare/a%20b...c')).toBe('/compare/{base}...{head}')
  })

  test('a segment that vanishes leads to a rule at another depth', () => {
    const place = routing([
      ['GET', '/items/export', 'admin'],
      ['GET', '/items/{id}/{sub}', 'public'],
      ['GET', '/reports/{id}', 'admin'],
      ['GET', '/reports/{id}/{format}', 'public'],
      ['GET', '/notes', 'admin'],
      ['GET', '/notes/{id}', 'public'],
    ])
    for (const path of [
      ...['/items/;/export', '/items/;a=b/export', '/items/export/;', '/items/+/export', '/items/.../export'],
      ...['/reports/1/;', '/reports/;/1', '/reports/1/:$DATA', '/reports/1/...', '/reports/1%3f/pdf', '/notes/;x'],
    ])
      expect([path, place(path)]).toEqual([path, 'misleads'])
    for (const path of ['/items/a;b/c', '/items/a+b/c', '/items/1/$meta', '/items/1/.export', '/items/C%23/c'])
      expect([path, place(path)]).toEqual([path, '/items/{id}/{sub}'])
  })

  test('an escaped ? or # ends a path for whoever decodes it first; a name may begin with one', () => {
    const place = routing([
      ['GET', '/rooms/{name}', 'public'],
      ['GET', '/rooms/secret', 'admin'],
      ['GET', '/rooms', 'admin'],
    ])
    for (const path of [
      '/rooms/secret%3fx',
      '/rooms/secret%23x',
      '/rooms/Secret%20%3F',
      '/rooms/..%3f',
      '/rooms/secret%253f',
    ])
      expect([path, place(path)]).toEqual([path, 'misleads'])
    for (const path of ['/rooms/%23secret', '/rooms/C%23', '/rooms/why%3F', '/rooms/%3F'])
      expect([path, place(path)]).toEqual([path, '/rooms/{name}'])
  })

  test('long runs of whatever is trimmed or decoded cost no more than their length', () => {
    for (const run of ['+', '.', '%20', '%3F', '%23', '%2525', ';', ':', 'a.', '%E2%80%8B', '%EF%BC%8F', '%25u002f'])
      expect(place(`/items/x${run.repeat(Math.floor(8_000 / run.length))}x`)).toMatch(/misleads|id/)
  })

  test('templates that differ in case alone are as they are written', () => {
    const place = routing([
      ['GET', '/Items/{id}', 'public'],
      ['GET', '/items/{id}', 'admin'],
      ['GET', '/items/{id}/Export', 'admin'],
    ])
    expect(place('/Items/7')).toBe('/Items/{id}')
    expect(place('/items/a%20b')).toBe('/items/{id}')
    expect(place('/items/7/Export')).toBe('/items/{id}/Export')
  })

  test('FC-30: nor is what is like a path of the gateway’s own passed on', () => {
    const place = routing([
      ['GET', '/{a}', 'public'],
      ['GET', '/{a}/{b}', 'public'],
    ])
    for (const own of [
      '/health',
      '/health/ready',
      '/health/live',
      '/metrics',
      '/dev',
      '/dev/mails',
      '/_lintel',
      '/_lintel/x',
    ])
      expect([own, place(own)]).toEqual([own, 'none'])
    for (const path of ['/Health', '/health;x', '/health/Ready', '/metrics.', '/METRICS', '/Dev/mails', '/_Lintel/x'])
      expect([path, place(path)]).toEqual([path, 'misleads'])
    for (const path of ['/healthy', '/openapi.json', '/docs', '/about'])
      expect([path, place(path)]).toEqual([path, '/{a}'])
    for (const path of ['/health/db', '/metrics/x', '/docs/a']) expect([path, place(path)]).toEqual([path, '/{a}/{b}'])
  })
})
