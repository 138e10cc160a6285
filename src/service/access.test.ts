import { describe, expect, test } from 'vitest'
import { ANONYMOUS, type Caller, serviceCaller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import { type Access, parseAccess } from '../contract/access.ts'
import { type Fields, specsOf, t } from '../contract/fields.ts'
import { reachOf, requireFieldAccess } from './access.ts'

const user = (...roles: string[]): Caller => ({
  kind: 'user',
  id: 'usr_1',
  email: 'ada@example.com',
  roles,
  sid: 'tok_1',
  issuedAtMs: 0,
  expiresAtMs: 1,
})
const CALLERS = {
  nobody: ANONYMOUS,
  member: user('member'),
  admin: user('member', 'admin'),
  service: serviceCaller('orders'),
  impostor: user('service', 'public', 'owner', 'authenticated'),
} as const

/** What comes of it: how far the caller is let in, or the problem's code. */
function outcome(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return error.code
  }
}

/** How far each caller is let in where the path names the owner of the resource, or, without `owner`, does not. */
function reaches(access: Access, owner?: string): unknown[] {
  const operation = { access, facts: { ownerParam: owner === undefined ? -1 : 1 } }
  const params = ['prd_1', ...(owner === undefined ? [] : [owner])]
  return Object.values(CALLERS).map((caller) => outcome(() => reachOf(operation, caller, params)))
}

describe('who may call (R-AUTH-8)', () => {
  const [all, own, no, who] = ['all', 'own', 'none', 'UNAUTHENTICATED']
  test.each([
    // rule                  nobody member admin service impostor
    ['public', all, all, all, all, all],
    ['authenticated', who, all, all, no, all],
    ['owner', who, own, own, no, own],
    ['admin', who, no, all, no, no],
    ['owner | admin', who, own, all, no, own],
    ['service', who, no, no, all, no],
    ['owner | service', who, own, own, all, own],
    ['owner | authenticated', who, all, all, no, all],
    ['admin | public', all, all, all, all, all],
    ['', who, no, no, no, no],
    ['adm', who, no, no, no, no],
  ])(
    'R-AUTH-8: %j lets in nobody: %s, a member: %s, an admin: %s, a service: %s, an impostor: %s',
    (rule, ...expected) => {
      expect(reaches(parseAccess(rule))).toEqual(expected)
    },
  )

  test('FC-7, R-AUTH-8: where the path names the owner, that is the caller, or only those with a role are let in', () => {
    const rule = parseAccess('owner | admin')
    for (const self of ['me', 'usr_1']) expect(reaches(rule, self)).toEqual([who, own, all, no, own])
    expect(reaches(rule, 'usr_2')).toEqual([who, no, all, no, no])
  })

  test('R-AUTH-8: without any rule everybody is refused', () => {
    const none = { public: false, authenticated: false, owner: false, roles: [] }
    expect(reaches(none)).toEqual([who, no, no, no, no])
  })
})

describe('what only some may give', () => {
  const fields: Fields = {
    name: t.text(),
    roles: t.list(t.text()).default(['member']).only('admin'),
    placedAt: t.time().optional().only('admin', 'clerk'),
    items: t.list(t.object({ quantity: t.integer(), price: t.money().optional().only('admin') })).optional(),
    address: t.object({ zone: t.integer().default(1).only('admin') }).optional(),
  }
  const refusal = (body: object, caller: Caller = CALLERS.member) => {
    try {
      requireFieldAccess(specsOf(fields), body, caller)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'FORBIDDEN') throw error
      return error.details
    }
    return 'settable'
  }

  test('R-USER-2: another value than the default is a 403 that names the field and who may', () => {
    expect(refusal({ roles: ['admin'] })).toEqual([{ field: 'roles', message: 'may only be set by admin' }])
    expect(refusal({ roles: [] })).toHaveLength(1)
    expect(refusal({ roles: ['member', 'member'] })).toHaveLength(1)
    expect(refusal({ placedAt: '2026-01-31T12:00:00Z' })).toEqual([
      { field: 'placedAt', message: 'may only be set by admin or clerk' },
    ])
  })

  test('R-ORD-6: also deep inside, with its path', () => {
    expect(refusal({ items: [{ quantity: 1 }, { quantity: 1, price: 5 }] })).toEqual([
      { field: 'items[1].price', message: 'may only be set by admin' },
    ])
    expect(refusal({ address: { zone: 2 } })).toEqual([{ field: 'address.zone', message: 'may only be set by admin' }])
  })

  test('R-ORD-6: also in lists of lists, and beside items that are null', () => {
    const deep = specsOf({ rows: t.list(t.list(t.object({ price: t.money().optional().only('admin') }).nullable())) })
    const ask = (price: number | null) => () => requireFieldAccess(deep, { rows: [[null, { price }]] }, CALLERS.member)
    expect(ask(null)).not.toThrow()
    expect(ask(5)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
  })

  test('what is left out, and the default, anybody may give', () => {
    for (const body of [
      {},
      { name: 'x' },
      { roles: ['member'] },
      { address: { zone: 1 } },
      { items: [{ quantity: 1 }] },
      { items: null },
    ])
      expect(refusal(body)).toBe('settable')
  })

  test('R-USER-2: of what is there already, neither the default nor null may be given to change it', () => {
    const current = {
      name: 'a',
      roles: ['member', 'editor'],
      placedAt: '2026-01-31T12:00:00.000Z',
      items: [{ quantity: 1, price: 5 }],
      address: { zone: 9 },
    }
    const change = (body: object, caller: Caller = CALLERS.member) => {
      try {
        return requireFieldAccess(specsOf(fields), body, caller, current)
      } catch (error) {
        return (error as Problem).details!.map(({ field }) => field).join()
      }
    }
    expect(change({ roles: ['member'] })).toBe('roles')
    expect(change({ placedAt: null })).toBe('placedAt')
    expect(change({ items: [{ quantity: 1, price: null }] })).toBe('items[0].price')
    expect(
      change({
        items: [
          { quantity: 1, price: 5 },
          { quantity: 1, price: 5 },
        ],
      }),
    ).toBe('items[1].price')
    expect(change({ address: { zone: 1 } })).toBe('address.zone')
    // What is repeated changes nothing, and is not written again.
    expect(change({ ...current, name: 'b' })).toEqual({ name: 'b', items: current.items, address: current.address })
    for (const body of [{ roles: ['member'] }, { placedAt: null }]) expect(change(body, CALLERS.admin)).toEqual(body)
  })

  test('whoever has one of the roles may give it', () => {
    expect(refusal({ roles: ['admin'], items: [{ quantity: 1, price: 5 }], address: { zone: 9 } }, CALLERS.admin)).toBe(
      'settable',
    )
    expect(refusal({ placedAt: '2026-01-31T12:00:00Z' }, user('clerk'))).toBe('settable')
    for (const caller of [CALLERS.nobody, CALLERS.service, CALLERS.impostor])
      expect(refusal({ roles: ['admin'] }, caller)).toHaveLength(1)
  })
})
