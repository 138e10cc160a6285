import { expect, test } from 'vitest'
import { readQuery } from '../gateway/query.ts'
import { t } from './fields.ts'
import { listCostReader } from './list-cost.ts'
import { type ListOptions, resource } from './resource.ts'
import { service } from './service.ts'

const fields = {
  code: t.text(),
  name: t.text(),
  email: t.email(),
  kind: t.oneOf('a', 'b'),
  colour: t.oneOf('red', 'blue'),
  size: t.integer(),
  seenAt: t.time(),
  maybe: t.text().nullable(),
  place: t.text({ pattern: /^[a-z]+(, [a-z]+)?$/ }),
  tags: t.list(t.oneOf('x', 'y')),
}

function thing(list: ListOptions = {}) {
  return resource('thing', {
    id: 'thg',
    fields,
    unique: ['code'],
    list: {
      filter: ['code', 'email', 'kind', 'colour', 'size', 'seenAt', 'tags', 'maybe', 'place'],
      search: ['name'],
      sort: ['name', 'size', 'createdAt'],
      defaultSort: '-createdAt',
      pairs: [['kind', 'size']],
      ...list,
    },
    access: { list: 'public' },
  })
}

const costOf = listCostReader(thing())

function cost(query: string, read = costOf): number {
  return read(readQuery(query))
}

const INDEXED = [
  '',
  'limit=5&page=3',
  'cursor=x',
  'count=none',
  'fields=id',
  'sort=name',
  'sort=-name',
  'sort=%2Bname',
  'sort=+name',
  'kind=a',
  'kind=a&sort=createdAt',
  'kind=a&sort=-size',
  'kind=a&sort=size&sizeMin=3&sizeMax=5',
  'sizeMin=3&sort=size',
  'code=1',
  'code=1,2,3',
  'maybe=a%2Cb',
  'place=paris%2C%20texas',
  'size=3&sort=size',
  'code=1&kind=a&sizeMin=3&q=x&sort=name,size',
]

test.each(INDEXED)('FC-115, R-RATE-1: ?%s costs what every list costs', (query) => {
  expect(cost(query)).toBe(0)
})

const SCANNING = [
  'q=x',
  'sort=name,size',
  'sort=name&sort=size',
  'kind=a,b',
  'kind=a%2Cb',
  'kind=a%2cb&sort=size',
  'maybe=a,b%2Cc',
  'place=paris%2Cberlin',
  'size=3',
  'kind=a&kind=b',
  'kind=a&colour=red',
  'kind=a&sort=name',
  'sizeMin=3',
  'seenBefore=2026-01-01',
  'sort=-size&seenBefore=2026-01-01',
  'sizeMin=3&seenAfter=2026-01-01&sort=size',
  'kind=a&sizeMin=3',
  'tags=x',
  'email=a@b.cd',
  'maybeExists=true',
]

test.each(SCANNING)('FC-115, R-RATE-1: ?%s costs four tokens more', (query) => {
  expect(cost(query)).toBe(4)
})

test('FC-74, FC-115: count=exact costs as much again', () => {
  expect(cost('count=exact')).toBe(4)
  expect(cost('count=exact&code=1')).toBe(4)
  expect(cost('count=exact&q=x')).toBe(8)
})

test('FC-115: what a contract says in scans has no index, and a cost', () => {
  const read = listCostReader(thing({ scans: ['colour', 'name'], scanCost: 9 }))
  expect(cost('sort=name', read)).toBe(9)
  expect(cost('colour=red', read)).toBe(9)
  expect(cost('kind=a', read)).toBe(0)
  expect(cost('', read)).toBe(0)
  const bySize = listCostReader(thing({ defaultSort: 'size', scans: ['size'], pairs: [] }))
  expect(cost('', bySize)).toBe(4)
})

test('FC-115: a default sort of several fields has an index where they point one way', () => {
  const oneWay = listCostReader(thing({ defaultSort: '-kind,-createdAt', pairs: [] }))
  expect(cost('', oneWay)).toBe(0)
  expect(cost('sort=-kind,-createdAt', oneWay)).toBe(0)
  expect(cost('colour=red', oneWay)).toBe(0)
  const mixed = listCostReader(thing({ defaultSort: '-kind,createdAt', pairs: [] }))
  expect(cost('', mixed)).toBe(4)
  expect(cost('sort=name', mixed)).toBe(0)
})

const WRONG: [ListOptions, string][] = [
  [{ scans: ['shape'] }, 'R-PAGE-2 things.list.scans: "shape" is neither a filter nor a sort'],
  [{ scans: ['q'], search: [] }, 'R-PAGE-2 things.list.scans: "q" is neither a filter nor a sort'],
  [{ pairs: [['name', 'size']] }, `R-PAGE-2 things.list.pairs: has ['name', 'size'], and "name" is not a filter`],
  [{ pairs: [['kind', 'seenAt']] }, `has ['kind', 'seenAt'], and "seenAt" is not a sort`],
  [{ pairs: [['tags', 'size']] }, `has ['tags', 'size'], and "tags" is not filtered by one value`],
  [{ pairs: [['seenAt', 'size']] }, `"seenAt" is not filtered by one value`],
  [{ pairs: [['kind', 'size']], scans: ['kind'] }, `"kind" is in scans too`],
  [{ scanCost: -1 }, 'R-RATE-1 things.list.scanCost: is -1'],
  [{ scanCost: 0.5 }, 'R-RATE-1 things.list.scanCost: is 0.5'],
]

test.each(WRONG)('FC-115, R-P-6: a list that says %j is refused when it is defined', (list, said) => {
  expect(() => service('shop', { resources: { things: thing(list) } })).toThrow(said)
})
