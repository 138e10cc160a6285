import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import type { Contract } from './contract.ts'
import { type Fields, operation, problem, resource, service, t } from './index.ts'
import type { Facts } from './operation.ts'

const EVERYWHERE = [
  'VALIDATION_ERROR',
  'UNSUPPORTED_VERSION',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
  'BAD_GATEWAY',
  'SERVICE_UNAVAILABLE',
  'GATEWAY_TIMEOUT',
]
const WITH_TOKEN = ['UNAUTHENTICATED', 'INVALID_TOKEN', 'TOKEN_EXPIRED']
const WITH_BODY = ['MALFORMED_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']

/** The codes of an operation beside those that every operation has, and every one that reads a token. */
function ownCodes(contract: Contract, id: string, version?: number): string[] {
  const usual = [...EVERYWHERE, ...WITH_TOKEN]
  const codes = codesOf(contract, id, version)
  expect(codes).toEqual(expect.arrayContaining(usual))
  return codes.filter((code) => !usual.includes(code))
}

function factsOf(contract: Contract, id: string): Facts {
  const served = contract.served.find((one) => one.id === id)
  if (!served) throw new Error(`no operation ${id}`)
  return served.facts
}

function codesOf(contract: Contract, id: string, version = contract.latest): string[] {
  return factsOf(contract, id).codes(version)
}

const note = (options: { requireVersion?: boolean; versioned?: boolean } = {}) =>
  service('notes', {
    resources: {
      notes: resource('note', {
        id: 'nte',
        fields: { title: t.text(), slug: t.text().fixed() },
        unique: ['slug'],
        access: { create: 'admin', update: 'admin', delete: 'admin' },
        ...options,
      }),
    },
  })

const single = (access: string, body: Fields = {}) =>
  service('things', { operations: { it: operation({ method: 'PUT', path: '/things', access, body }) } })

test('a public list answers with what input, useless credentials and the system can do wrong', () => {
  expect(ownCodes(orders, 'orders.products.list')).toEqual(['INVALID_CURSOR', 'PRECONDITION_FAILED'])
})

test('R-AUTH-8: a rule that shuts somebody out brings 403', () => {
  expect(ownCodes(users, 'users.users.list')).toEqual(['INVALID_CURSOR', 'FORBIDDEN', 'PRECONDITION_FAILED'])
})

test('R-ORD-4: a list that shows owners their own refuses no signed-in user', () => {
  expect(ownCodes(orders, 'orders.orders.listAll')).toEqual(['INVALID_CURSOR', 'PRECONDITION_FAILED'])
})

test('`authenticated` forbids nobody', () => {
  const [malformed, ...rest] = WITH_BODY
  expect(ownCodes(single('authenticated'), 'things.it')).toEqual([malformed, 'PRECONDITION_FAILED', ...rest])
})

test('R-REST-4: a path with parameters can lead to nothing', () => {
  expect(ownCodes(orders, 'orders.products.get')).toEqual(['NOT_FOUND', 'PRECONDITION_FAILED'])
})

test('FC-10, R-REST-2: If-Match can fail on whatever is no POST', () => {
  for (const contract of [users, orders] as Contract[])
    for (const { id, method, route } of contract.served)
      expect(codesOf(contract, id).includes('PRECONDITION_FAILED'), id).toBe(method !== 'POST' && !route)
})

test('R-USER-2: a field that only an admin may give brings 403 to a public operation, in each version', () => {
  for (const version of [1, 2])
    expect(ownCodes(users, 'users.users.create', version)).toEqual(
      expect.arrayContaining([
        'FORBIDDEN',
        'DUPLICATE',
        'IDEMPOTENCY_IN_PROGRESS',
        'IDEMPOTENCY_KEY_REUSED',
        ...WITH_BODY,
      ]),
    )
})

test('a restricted field is found in members of a list', () => {
  const notes = t.list(t.object({ text: t.text().only('admin') }))
  expect(ownCodes(single('authenticated', { notes }), 'things.it')).toContain('FORBIDDEN')
})

test('R-BODY-4: a body is read even where the operation wants none, to refuse what stands in it', () => {
  const contract = service('things', {
    operations: {
      it: operation({ method: 'PUT', path: '/things/{token}', access: 'public', answer: { ok: t.boolean() } }),
    },
  })
  expect(ownCodes(contract, 'things.it')).toEqual([
    'MALFORMED_JSON',
    'NOT_FOUND',
    'PRECONDITION_FAILED',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  ])
})

test('R-IDEM-1, R-AUTH-1: signing in knows no Idempotency-Key, and looks at no token', () => {
  const own = codesOf(users, 'users.login').filter((code) => !EVERYWHERE.includes(code))
  expect(own.sort()).toEqual(['INVALID_CREDENTIALS', ...WITH_BODY].sort())
})

test('R-LOCK-2: a change can fail by the version of its body and of If-Match, a deletion by If-Match alone', () => {
  expect(ownCodes(orders, 'orders.products.replace')).toEqual([
    'MALFORMED_JSON',
    'FORBIDDEN',
    'NOT_FOUND',
    'DUPLICATE',
    'VERSION_CONFLICT',
    'PRECONDITION_FAILED',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  ])
  expect(ownCodes(orders, 'orders.products.delete')).toEqual(['FORBIDDEN', 'NOT_FOUND', 'PRECONDITION_FAILED'])
})

test('R-LOCK-2: where a version is required, a change without one is 428', () => {
  const contract = note({ requireVersion: true })
  expect(ownCodes(contract, 'notes.notes.update')).toContain('PRECONDITION_REQUIRED')
  expect(ownCodes(contract, 'notes.notes.delete')).toContain('PRECONDITION_REQUIRED')
  expect(ownCodes(contract, 'notes.notes.create')).not.toContain('PRECONDITION_REQUIRED')
})

test('a resource without versions has no conflict of versions, and no tag that If-Match could name', () => {
  const codes = ownCodes(note({ versioned: false }), 'notes.notes.update')
  expect(codes).not.toContain('VERSION_CONFLICT')
  expect(codes).toContain('PRECONDITION_FAILED')
})

test('a unique field that is fixed can clash when the thing is created, not later', () => {
  expect(ownCodes(note(), 'notes.notes.create')).toContain('DUPLICATE')
  expect(ownCodes(note(), 'notes.notes.update')).not.toContain('DUPLICATE')
})

test('an id in a body can name nothing: 422', () => {
  expect(ownCodes(orders, 'orders.cartItems.create')).toContain('UNPROCESSABLE')
  expect(ownCodes(orders, 'orders.cartItems.update')).not.toContain('UNPROCESSABLE')
})

test('problems that an operation names are its own', () => {
  expect(ownCodes(orders, 'orders.orders.create')).toEqual(
    expect.arrayContaining(['EMPTY_CART', 'OUT_OF_STOCK', 'UNPROCESSABLE', 'INVALID_TRANSITION']),
  )
})

test('R-RATE-5: the keys are not counted', () => {
  expect(codesOf(users, 'users.keys')).not.toContain('RATE_LIMITED')
})

test('codes come in the order of the contract, each once', () => {
  const problems = ['LATE', 'NOT_FOUND', 'INTERNAL_ERROR']
  const contract = service('things', {
    operations: { it: operation({ method: 'DELETE', path: '/things/{name}', access: 'admin', problems }) },
    problems: { LATE: problem(409, 'Too late') },
  })
  const codes = codesOf(contract, 'things.it')
  expect(new Set(codes).size).toBe(codes.length)
  expect(codes).toEqual(Object.keys(contract.problems).filter((code) => codes.includes(code)))
  expect(codes.at(-1)).toBe('LATE')
})

test('R-RATE-1: an operation with credentials of its own reads no token, and draws from the bucket for signing in', () => {
  const signIn = users.served.filter(({ path }) => path.startsWith('/auth/'))
  expect(signIn.map(({ name, facts }) => [name, facts.readsToken, facts.buckets])).toEqual([
    ['login', false, [{ name: 'users.login.ip', by: 'ip', maxRequests: 10, windowMs: 60_000 }]],
    ['refresh', false, 'auth'],
    ['logout', false, 'auth'],
    ['requestEmailVerification', false, 'auth'],
    ['verifyEmail', false, 'auth'],
    ['requestPasswordReset', false, 'auth'],
    ['resetPassword', false, 'auth'],
    // Only other services may ask for these.
    ['revocations', true, 'default'],
    // Routes that say so.
    ...Array(2).fill(['confirmationPage', false, 'auth']),
    ...Array(2).fill(['passwordPage', false, 'auth']),
  ])
})

test('the words of a path decide nothing of this', () => {
  const at = (path: string, credentials?: 'own') =>
    service('things', {
      operations: {
        it: operation({ method: 'POST', path, status: 202, access: 'public', ...(credentials && { credentials }) }),
      },
    })
  expect(factsOf(at('/auth/codes'), 'things.it')).toMatchObject({ readsToken: true, buckets: 'default' })
  expect(codesOf(at('/auth/codes'), 'things.it')).toContain('INVALID_TOKEN')
  expect(factsOf(at('/codes', 'own'), 'things.it')).toMatchObject({ readsToken: false, buckets: 'auth' })
  expect(codesOf(at('/codes', 'own'), 'things.it')).not.toContain('INVALID_TOKEN')
})

test('R-RATE-5: what is not counted draws from no bucket', () => {
  expect(factsOf(users, 'users.keys').buckets).toBe('none')
  expect(factsOf(users, 'users.users.create').buckets).toBe('default')
})

test('R-ORD-4: only a list at the root of what has a parent is at the root', () => {
  const atRoot = ([users, orders] as Contract[]).flatMap(({ served }) => served).filter(({ facts }) => facts.atRoot)
  expect(atRoot.map(({ id }) => id)).toEqual(['orders.orders.listAll'])
})

test('R-IDEM-1: answers to POST are kept, but for those that hold secrets', () => {
  for (const { id, method, facts, secret } of users.served)
    expect(facts.keepsAnswers, id).toBe(method === 'POST' && !secret)
  expect(users.served.filter(({ secret, route }) => secret && !route).map(({ name }) => name)).toEqual([
    'login',
    'refresh',
  ])
})

test('R-LOCK-3: a single thing of a versioned resource and a cached list are answered with 304, other lists and what a view derives are not', () => {
  const answersNotModified = (id: string) => factsOf(orders, id).answersNotModified
  expect(answersNotModified('orders.products.get')).toBe(true)
  expect(answersNotModified('orders.products.list')).toBe(true)
  expect(answersNotModified('orders.orders.list')).toBe(false)
  expect(answersNotModified('orders.carts.get')).toBe(false)
})

test('R-RATE-5: what everybody may read at a well-known address is not counted; what else is there is, and what has limits', () => {
  const at = (options: object) => {
    const usual = { method: 'GET', path: '/.well-known/keys', access: 'public', answer: { key: t.text() } } as const
    const contract = service('keys', { operations: { it: operation({ ...usual, ...options }) } })
    return factsOf(contract, 'keys.it').buckets
  }
  expect(at({})).toBe('none')
  expect(at({ access: 'authenticated' })).toBe('default')
  expect(at({ method: 'PUT' })).toBe('default')
  expect(at({ limits: [{ by: 'ip', maxRequests: 4, windowMs: 1000 }] })).toHaveLength(1)
})
