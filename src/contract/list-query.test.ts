import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import { readQuery } from '../gateway/query.ts'
import { t } from './fields.ts'
import { fieldsReader, filterParameters, type ListRequest, listQueryReader, type Pairs } from './list-query.ts'
import { resource } from './resource.ts'

const Order = resource('order', {
  id: 'ord',
  fields: {
    name: t.text({ min: 1, max: 10 }),
    userId: t.id('usr'),
    status: t.oneOf('pending', 'paid', 'shipped'),
    tags: t.list(t.oneOf('new', 'gift')),
    email: t.email().nullable(),
    gift: t.boolean(),
    total: t.money({ max: 100 }),
    currency: t.currency(),
    weight: t.decimal({ scale: 3 }),
    pieces: t.integer({ min: 1 }),
    paid: t.time(),
  },
  list: {
    filter: [
      'name',
      'userId',
      'status',
      { tag: 'tags' },
      'email',
      'gift',
      'total',
      'weight',
      'pieces',
      'createdAt',
      'paid',
    ],
    search: ['name'],
    sort: ['createdAt', 'total', 'name'],
    defaultSort: '-createdAt',
    maxOffset: 1_000,
  },
  access: { list: 'public' },
})
const shown = Object.keys(Order.shown)
const readOrders = listQueryReader(Order, shown)

const pairsOf = (query: string): Pairs => readQuery(query)
const read = (query: string): ListRequest => readOrders(pairsOf(query))
const filtersOf = (query: string) =>
  read(query).filters.map(({ parameter, values }) => [parameter.field, parameter.comparison, ...values])

/** The faults of a query as `field: message`; none where it is taken. */
function faults(query: string | Pairs, reader: (pairs: Pairs) => unknown = readOrders): string[] {
  try {
    reader(typeof query === 'string' ? pairsOf(query) : query)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'VALIDATION_ERROR') throw error
    return error.details!.map(({ field, message }) => `${field}: ${message}`)
  }
  return []
}

describe('pages (R-PAGE)', () => {
  test('R-PAGE-1: without a word it is page 1 with 20 rows, in the default order', () => {
    expect(read('')).toEqual({
      page: 1,
      cursor: undefined,
      limit: 20,
      count: 'auto',
      sort: [{ field: 'createdAt', descending: true }],
      filters: [],
      fields: undefined,
    })
  })

  test('R-PAGE-1: page from 1, limit from 1 to 100', () => {
    expect(read('page=2&limit=100')).toMatchObject({ page: 2, limit: 100 })
    expect(read('page=10&limit=1')).toMatchObject({ page: 10, limit: 1 })
  })

  test.each(['0', '-1', '1.5', '1e2', '0x10', ' 5', '5 ', '', 'x', 'Infinity', '١', '9'.repeat(16), 'null', '1,2'])(
    'R-PAGE-1: %j is neither a page nor a limit',
    (text) => {
      const encoded = encodeURIComponent(text)
      expect(faults(`page=${encoded}`)).toEqual(['page: must be a whole number from 1'])
      expect(faults(`limit=${encoded}`)).toEqual(['limit: must be a whole number from 1 to 100'])
    },
  )

  test('R-PAGE-1: a limit above 100 is refused, not cut', () => {
    expect(faults('limit=101')).toEqual(['limit: must be a whole number from 1 to 100'])
  })

  test('R-PAGE-5: a cursor goes without a page, and with another limit or fields', () => {
    expect(read('cursor=abc&limit=5&fields=name')).toMatchObject({ page: undefined, cursor: 'abc', limit: 5 })
    expect(faults('cursor=abc&page=2')).toEqual(['page: cannot be combined with cursor'])
    expect(faults('cursor=abc&page=x')).toEqual(['page: cannot be combined with cursor'])
  })

  test('R-PAGE-6: the count is exact or none', () => {
    expect(read('count=exact').count).toBe('exact')
    expect(read('count=none').count).toBe('none')
    expect(faults('count=some')).toEqual(['count: must be exact or none'])
    expect(faults('count=')).toEqual(['count: must be exact or none'])
  })

  test('R-PAGE-7: page mode reaches as deep as the contract says, to the row', () => {
    const deeper = ['page: reaches deeper than 1000 rows; continue with cursor=<pagination.nextCursor>']
    expect(faults('page=50')).toEqual([])
    expect(faults('page=51')).toEqual(deeper)
    expect(faults('page=10&limit=100')).toEqual([])
    expect(faults('page=11&limit=100')).toEqual(deeper)
    expect(faults(`page=${'9'.repeat(15)}`)).toEqual(deeper)
    expect(faults('cursor=abc&limit=100')).toEqual([])
  })

  test('R-PAGE-7: how deep is not said where the limit is wrong', () => {
    expect(faults('page=51&limit=0')).toEqual(['limit: must be a whole number from 1 to 100'])
  })
})

describe('sorting (R-SORT-1)', () => {
  const sortOf = (query: string, list = Order) => listQueryReader(list, shown)(pairsOf(query)).sort

  test('R-SORT-1: - is descending, + or nothing ascending, whether the + is encoded or raw', () => {
    const expected = [
      { field: 'createdAt', descending: true },
      { field: 'total', descending: false },
      { field: 'name', descending: false },
    ]
    expect(sortOf('sort=-createdAt,%2Btotal,name')).toEqual(expected)
    expect(sortOf('sort=-createdAt,+total,name')).toEqual(expected)
    expect(sortOf('sort=+total')).toEqual([{ field: 'total', descending: false }])
  })

  test.each(['status', '', '--total', 'total,', ' -total', 'Total', 'total desc', 'constructor', 'id'])(
    'R-SORT-1: %j names no field to sort by',
    (text) => {
      expect(faults(`sort=${encodeURIComponent(text)}`)).toEqual([
        expect.stringMatching(/^sort: cannot sort by ".*": use createdAt, total, name$/),
      ])
    },
  )

  test('R-SORT-1: a field is named once', () => {
    expect(faults('sort=total,-total')).toEqual(['sort: names total twice'])
  })

  test.each([
    ['-total', [{ field: 'total', descending: true }]],
    ['+total', [{ field: 'total', descending: false }]],
    [
      'name,-pieces',
      [
        { field: 'name', descending: false },
        { field: 'pieces', descending: true },
      ],
    ],
    ['id', [{ field: 'id', descending: false }]],
  ])('R-SORT-1: the default sort %s is read as a request is, of any field', (defaultSort, expected) => {
    expect(sortOf('', { ...Order, list: { ...Order.list, defaultSort } })).toEqual(expected)
  })

  test('R-SORT-1: a list without sorts says so', () => {
    expect(faults('sort=name', listQueryReader({ ...Order, list: { ...Order.list, sort: [] } }, shown))).toEqual([
      'sort: cannot sort by "name": use no sort here',
    ])
  })
})

describe('filters (R-FILTER)', () => {
  test('R-FILTER-1: the parameters follow from the kinds of the fields', () => {
    expect(filterParameters(Order).map(({ name, field, comparison }) => `${name} ${field} ${comparison}`)).toEqual([
      'name name in',
      'userId userId in',
      'status status in',
      'tag tags in',
      'email email in',
      'emailExists email exists',
      'gift gift in',
      'totalMin total min',
      'totalMax total max',
      'weightMin weight min',
      'weightMax weight max',
      'pieces pieces in',
      'piecesMin pieces min',
      'piecesMax pieces max',
      'createdAt createdAt in',
      'createdAfter createdAt after',
      'createdBefore createdAt before',
      'paid paid in',
      'paidAfter paid after',
      'paidBefore paid before',
      'q  search',
    ])
  })

  test('R-FILTER-1: several values are alternatives', () => {
    const ids = [newId('usr'), newId('usr')]
    expect(filtersOf('status=pending,paid')).toEqual([['status', 'in', 'pending', 'paid']])
    expect(filtersOf('tag=gift')).toEqual([['tags', 'in', 'gift']])
    expect(filtersOf(`userId=${ids}`)).toEqual([['userId', 'in', ...ids]])
    expect(filtersOf('gift=true,false')).toEqual([['gift', 'in', true, false]])
  })

  test('FC-12, R-FILTER-1: values, sorts and fields may be repeated, in order, and mixed with commas', () => {
    expect(filtersOf('status=pending&gift=true&status=paid')).toEqual(filtersOf('status=pending,paid&gift=true'))
    expect(filtersOf('status=pending&status=paid,shipped')).toEqual([['status', 'in', 'pending', 'paid', 'shipped']])
    expect(read('sort=-total&sort=name').sort).toEqual(read('sort=-total,name').sort)
    expect(read('sort=name&sort=-total,createdAt').sort).toEqual(read('sort=name,-total,createdAt').sort)
    expect(faults('sort=total&sort=-total')).toEqual(['sort: names total twice'])
    expect(read('fields=name&fields=status,name').fields).toEqual(['id', 'name', 'status'])
    expect(faults(`status=paid${'&status=paid'.repeat(100)}`)).toEqual(['status: takes at most 100 values'])
  })

  test('FC-11, R-FILTER-1: in free text a raw comma separates and an encoded one belongs to the value', () => {
    expect(filtersOf('name=a%2C%20b')).toEqual([['name', 'in', 'a, b']])
    expect(filtersOf('name=a%2Cb,c')).toEqual([['name', 'in', 'a,b', 'c']])
    expect(filtersOf('name=a,b&name=c%2cd')).toEqual([['name', 'in', 'a', 'b', 'c,d']])
    expect(filtersOf('name=%2C')).toEqual([['name', 'in', ',']])
    expect(faults('name=%2C,')).toEqual(['name: must not be empty'])
  })

  test('FC-11, R-FILTER-1: elsewhere an encoded comma separates too, unless a value has one', () => {
    expect(filtersOf('status=pending%2Cpaid')).toEqual([['status', 'in', 'pending', 'paid']])
    expect(filtersOf('pieces=1%2C2')).toEqual([['pieces', 'in', 1, 2]])
    expect(read('sort=-total%2Cname').sort).toEqual(read('sort=-total,name').sort)
    expect(read('fields=name%2Cstatus').fields).toEqual(['id', 'name', 'status'])
    const Place = resource('place', {
      id: 'plc',
      fields: {
        kind: t.oneOf('bar, pub', 'bar', 'inn'),
        currency: t.currency(),
        code: t.text({ pattern: /^[a-z](,[a-z])?$/ }),
        tags: t.list(t.text()),
      },
      list: { filter: ['kind', 'currency', 'code', { tag: 'tags' }] },
      access: { list: 'public' },
    })
    const reader = listQueryReader(Place, ['id'])
    const valuesOf = (query: string) => reader(pairsOf(query)).filters[0]!.values
    expect(valuesOf('kind=bar%2C%20pub')).toEqual(['bar, pub'])
    expect(valuesOf('kind=bar%2Cinn')).toEqual(['bar', 'inn'])
    expect(valuesOf('kind=bar%2C%20pub,inn')).toEqual(['bar, pub', 'inn'])
    expect(valuesOf('currency=EUR%2CUSD')).toEqual(['EUR', 'USD'])
    expect(valuesOf('code=a%2Cb')).toEqual(['a,b'])
    expect(valuesOf('code=a%2Cb%2Cc')).toEqual(['a', 'b', 'c'])
    expect(valuesOf('tag=a%2Cb,c')).toEqual(['a,b', 'c'])
  })

  test('R-FILTER-1: a whole number or a time is asked for by equality too, amounts by bounds alone', () => {
    expect(filtersOf('pieces=5,-7,5000000000,5.0')).toEqual([['pieces', 'in', 5, -7, 5_000_000_000, 5]])
    expect(filtersOf('createdAt=2026-01-31,2026-01-31T12:00:00.0019+02:00')).toEqual([
      ['createdAt', 'in', '2026-01-31T00:00:00.000Z', '2026-01-31T10:00:00.001Z'],
    ])
  })

  test('R-FILTER-1: what may be null is asked whether it is there', () => {
    expect(filtersOf('emailExists=false')).toEqual([['email', 'exists', false]])
    expect(filtersOf('emailExists=true&email=a@b.cd')).toEqual([
      ['email', 'in', 'a@b.cd'],
      ['email', 'exists', true],
    ])
  })

  test('R-FILTER-1: times are compared in UTC, and a date alone is its midnight there', () => {
    expect(filtersOf('createdAfter=2026-01-31&createdBefore=2026-01-31T12:00:00%2B02:00')).toEqual([
      ['createdAt', 'after', '2026-01-31T00:00:00.000Z'],
      ['createdAt', 'before', '2026-01-31T10:00:00.000Z'],
    ])
    expect(filtersOf('paidAfter=2026-01-31T12:00:00+02:00')).toEqual([['paid', 'after', '2026-01-31T10:00:00.000Z']])
  })

  test('R-FILTER-1: numbers are bounds, and not held to the limits of their field', () => {
    expect(filtersOf('totalMin=-5.25&totalMax=1000000000')).toEqual([
      ['total', 'min', -5.25],
      ['total', 'max', 1_000_000_000],
    ])
    expect(filtersOf('weightMin=0.0000000001')).toEqual([['weight', 'min', 1e-10]])
  })

  test('R-FILTER-1: a bound between two whole numbers is the next of them, as PostgreSQL takes no other', () => {
    expect(filtersOf('piecesMin=5.5&piecesMax=7.5')).toEqual([
      ['pieces', 'min', 6],
      ['pieces', 'max', 7],
    ])
    expect(filtersOf('piecesMin=-5.5&piecesMax=-7.5')).toEqual([
      ['pieces', 'min', -5],
      ['pieces', 'max', -8],
    ])
  })

  test('R-FILTER-1: q is one text, with its commas', () => {
    expect(filtersOf('q=salt,%20pepper')).toEqual([['', 'search', 'salt, pepper']])
    expect(faults('q=')).toEqual(['q: must not be empty'])
    expect(faults(`q=${'x'.repeat(256)}`)).toEqual(['q: must have at most 255 characters'])
  })

  test('R-FILTER-2: an unknown parameter is refused by its name', () => {
    expect(faults('colour=red')).toEqual([
      expect.stringMatching(/^colour: is not a parameter of this list: use page, limit,/),
    ])
    for (const name of [
      'total',
      'weight',
      'tags',
      'Status',
      'constructor',
      '__proto__',
      '',
      'status[]',
      'version',
      'nameExists',
    ])
      expect(faults(`${encodeURIComponent(name)}=paid`), name).toHaveLength(1)
  })

  test.each([
    ['status', 'Paid'],
    ['status', ''],
    ['status', 'paid,'],
    ['status', ',paid'],
    ['status', 'paid, pending'],
    ['tag', 'old'],
    ['gift', '1'],
    ['gift', 'TRUE'],
    ['gift', ''],
    ['userId', '5'],
    ['userId', newId('ord')],
    ['email', 'ada'],
    ['email', ''],
    ['name', ''],
    ['name', 'x'.repeat(11)],
    ['createdAfter', 'yesterday'],
    ['createdAfter', '2026-02-30'],
    ['createdAfter', '2026-1-1'],
    ['createdAfter', '2026-01-31T12:00:00'],
    ['createdAfter', '2026-01-31,2026-02-01'],
    ['createdAfter', ''],
    ...['1e3', '0x10', ' 5', '5 ', '+5', '.5', '5.', '1,5', '--5', '', 'NaN', 'Infinity', '1_000', '١'].map(
      (text): [string, string] => ['totalMin', text],
    ),
    ['totalMax', '1000000000000001'],
    ['totalMin', '0.00000000001'],
    ['piecesMin', '1e3'],
    ['pieces', '1e3'],
    ['pieces', '5.5'],
    ['pieces', ''],
    ['pieces', '5,'],
    ['createdAt', 'yesterday'],
    ['emailExists', 'yes'],
    ['emailExists', 'true,false'],
    ['emailExists', ''],
  ])('R-FILTER-2: %s=%j is of the wrong type, and refused by its name', (name, text) => {
    expect(faults([[name, text]])).toEqual([expect.stringMatching(new RegExp(`^${name}: must `))])
  })

  test('R-FILTER-1: a text that looks like a date or a number is a text', () => {
    expect(filtersOf('name=2026-01-31,5,true')).toEqual([['name', 'in', '2026-01-31', '5', 'true']])
  })

  test('R-FILTER-1: what may be null is not asked for by "null"', () => {
    expect(faults('email=null')).toEqual(['email: must be an email address of at most 255 characters'])
  })

  test('R-FILTER-1: a hundred values, and no more', () => {
    const values = (count: number) => `status=${Array(count).fill('paid')}`
    expect(filtersOf(values(100))[0]).toHaveLength(102)
    expect(faults(values(101))).toEqual(['status: takes at most 100 values'])
  })

  test('each wrong value of a list is told', () => {
    expect(faults('status=old,paid,new')).toEqual([
      'status: must be one of pending, paid, shipped',
      'status: must be one of pending, paid, shipped',
    ])
  })

  test('a number is read as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.nat(2), (n, scale) => {
        const value = n / 10 ** scale
        return filtersOf(`totalMin=${value}`)[0]![2] === value
      }),
    )
  })
})

describe('fields (R-FIELDS-1)', () => {
  test('R-FIELDS-1: just those, in the order of the contract, and id always', () => {
    expect(read('fields=status,name').fields).toEqual(['id', 'name', 'status'])
    expect(read('fields=id').fields).toEqual(['id'])
    expect(read('fields=name,name').fields).toEqual(['id', 'name'])
  })

  test('R-FIELDS-1: unknown ones are refused, each by its name', () => {
    expect(faults('fields=name,colour,')).toEqual([
      expect.stringMatching(/^fields: has no field "colour": use id, name,/),
      expect.stringMatching(/^fields: has no field "": use id, name,/),
    ])
    expect(faults('fields=')).toHaveLength(1)
    expect(faults('fields=name%20')).toHaveLength(1)
  })

  test('R-FIELDS-1: a field that another version shows is unknown in this one', () => {
    expect(faults('fields=total', listQueryReader(Order, ['id', 'name']))).toEqual([
      'fields: has no field "total": use id, name',
    ])
  })

  test('R-FIELDS-1: a single read takes fields, and nothing else', () => {
    const one = fieldsReader(['id', 'name', 'email'])
    expect(one([])).toBeUndefined()
    expect(one(pairsOf('fields=email'))).toEqual(['id', 'email'])
    expect(faults('fields=colour&page=1&status=paid', one)).toEqual([
      'page: is not a parameter of this request; use fields',
      'status: is not a parameter of this request; use fields',
      'fields: has no field "colour": use id, name, email',
    ])
    expect(one(pairsOf('fields=name&fields=email'))).toEqual(['id', 'name', 'email'])
  })
})

describe('everything at once', () => {
  test('R-BODY-5: all that is wrong is listed', () => {
    const query = 'colour=red&page=99&count=x&sort=size,total,total&status=old&totalMin=x&fields=size&createdAfter=now'
    expect(faults(query).map((fault) => fault.split(/ "|: use|, such|\d/)[0])).toEqual([
      'colour: is not a parameter of this list',
      'count: must be exact or none',
      'sort: cannot sort by',
      'sort: names total twice',
      'status: must be one of pending, paid, shipped',
      'totalMin: must be a number',
      'createdAfter: must be an RFC ',
      'fields: has no field',
      'page: reaches deeper than ',
    ])
  })

  test('FC-12, R-FILTER-1: what takes one value and is given twice is refused, not chosen from', () => {
    const single = ['page', 'limit', 'cursor', 'count', 'q', 'totalMin', 'piecesMax', 'createdAfter', 'paidBefore']
    for (const name of [...single, 'emailExists']) {
      const twice = faults(`${name}=1&${name}=1&${name}=1`).filter((fault) => fault === `${name}: is given twice`)
      expect(twice, name).toHaveLength(1)
    }
  })

  test('at most 50 faults are told, so that an answer is not many times as large as its request', () => {
    expect(faults(Array.from({ length: 900 }, (_, i) => [`x${i}`, '']))).toHaveLength(50)
    expect(faults(`sort=${'x,'.repeat(2000)}`)).toHaveLength(50)
    expect(faults(`fields=${'x,'.repeat(2000)}`)).toHaveLength(50)
  })

  test('R-BODY-4: NUL is refused by the name of its parameter', () => {
    expect(faults('name=a%00b')).toEqual(['name: must not contain NUL'])
    expect(faults('cursor=%00&q=%00')).toEqual(['cursor: must not contain NUL', 'q: must not contain NUL'])
  })

  test('R-FILTER-2: whatever is asked, the answer is a query or a 400 that names what is wrong', () => {
    const names = fc.oneof(
      fc.constantFrom(
        'page',
        'limit',
        'cursor',
        'count',
        'sort',
        'fields',
        ...filterParameters(Order).map(({ name }) => name),
      ),
      fc.string(),
    )
    const values = fc.oneof(
      fc.string({ unit: 'grapheme-ascii' }),
      fc.constantFrom('1', 'paid', 'name', '2026-01-31', 'a\0'),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values), { maxLength: 6 }), (pairs) => {
        const asked = new Set(pairs.map(([name]) => name))
        for (const fault of faults(pairs)) expect([...asked].some((name) => fault.startsWith(`${name}: `))).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})
