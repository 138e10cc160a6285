import { describe, expect, it } from 'vitest'
import type { CachedOptions } from './cached.ts'
import { t } from './fields.ts'
import { type ResourceOptions, resource } from './resource.ts'
import { service } from './service.ts'

type Options = Partial<ResourceOptions<string, any, any, any, any, any>>

const contractWith = (options: Options) =>
  service('shop', {
    resources: {
      products: resource('product', {
        id: 'prd',
        fields: { name: t.text() },
        access: { list: 'public', get: 'public', create: 'admin' },
        ...options,
      } as never),
    },
  })

const User = resource('user', {
  id: 'usr',
  owner: 'id',
  fields: { name: t.text() },
  access: { get: 'owner | admin' },
  cached: true,
})

describe('cached in a contract', () => {
  it('R-CACHE-1: is GET of one for an hour unless it says more', () => {
    const factsOf = (cached: boolean | CachedOptions) =>
      contractWith({ cached }).served.map(({ name, facts }) => [name, facts.cached?.ttlMs])
    expect(factsOf(true)).toEqual([
      ['list', undefined],
      ['get', 3_600_000],
      ['create', undefined],
    ])
    expect(factsOf({ list: true, ttlS: 60 })).toEqual([
      ['list', 60_000],
      ['get', 60_000],
      ['create', undefined],
    ])
    expect(factsOf({ get: false }).every(([, ttlMs]) => ttlMs === undefined)).toBe(true)
    expect(factsOf(false).every(([, ttlMs]) => ttlMs === undefined)).toBe(true)
  })

  it('R-CACHE-4: lets a user’s own row be cached, which is the same for whoever may see it', () => {
    expect(service('people', { resources: { users: User } }).served[0]!.facts.cached).toBeDefined()
  })

  const parent = { of: User, field: 'userId' }
  const owned = { fields: { userId: t.id('usr').server() }, owner: 'userId', parent }
  it.each<[string, Options, string]>([
    ['a read whose owner stands in the row', { ...owned, access: { get: 'owner' }, cached: true }, 'R-CACHE-4'],
    ['a row below its parent', { ...owned, nested: true, access: { get: 'admin' }, cached: true }, 'R-CACHE-4'],
    ['a list of an owner', { ...owned, access: { list: 'owner' }, cached: { get: false, list: true } }, 'R-CACHE-4'],
    ['a list below a parent', { ...owned, access: { list: 'admin' }, cached: { get: false, list: true } }, 'R-CACHE-4'],
    ['a view of other rows', { view: 'product_details', cached: true }, 'R-CACHE-2'],
    ['a read that nobody may call', { access: { create: 'admin' }, cached: true }, 'R-CACHE-1'],
    ['a list that nobody may call', { access: { get: 'public' }, cached: { list: true } }, 'R-CACHE-1'],
    ['a time of no length', { cached: { ttlS: 0 } }, 'R-CACHE-1'],
    ['a time that is no number', { cached: { maxAgeS: '60' as never } }, 'R-CACHE-1'],
    ['a tag with a comma', { cached: { tags: ['a,b'] } }, 'R-CACHE-1'],
    ['a member that means nothing', { cached: { ttl: 60 } as CachedOptions }, 'R-P-6'],
  ])('R-P-6: refuses %s, naming the rule', (_, options, rule) => {
    expect(() => contractWith(options)).toThrow(rule)
  })
})
