import { describe, expect, test } from 'vitest'
import { camelCase, pluralOf, snakeCase } from './names.ts'
import { isAct, isInvariable, isPast, isPlural, isVerb } from './words.ts'

describe('names', () => {
  test.each([
    ['order', 'orders'],
    ['category', 'categories'],
    ['day', 'days'],
    ['address', 'addresses'],
    ['status', 'statuses'],
    ['box', 'boxes'],
    ['batch', 'batches'],
    ['dish', 'dishes'],
    ['cart-item', 'cart-items'],
    ['order-entry', 'order-entries'],
  ])('R-REST-1: the plural of %s is %s, and is known for one', (singular, plural) => {
    expect(pluralOf(singular)).toBe(plural)
    expect(isPlural(plural)).toBe(true)
    expect(isPlural(singular)).toBe(false)
  })

  test('fields are columns in snake_case', () => {
    expect(snakeCase('unitPrice')).toBe('unit_price')
    expect(snakeCase('order-items')).toBe('order_items')
    expect(snakeCase('line2Total')).toBe('line2_total')
  })

  test('a name in kebab-case is in camelCase where JavaScript and JSON want it', () => {
    expect(camelCase('cart-item')).toBe('cartItem')
    expect(camelCase('order')).toBe('order')
  })
})

describe('words', () => {
  test.each([
    'people',
    'children',
    'sales-people',
    'women',
    'men',
    'media',
    'metadata',
    'formulae',
    'cacti',
    'equipment',
    'apis',
  ])('R-REST-1: %s is plural', (noun) => expect(isPlural(noun)).toBe(true))

  test.each(['person', 'child', 'address', 'status', 'order-status', 'analysis', 'specimen', 's', ''])(
    'R-REST-1: %j is singular',
    (noun) => expect(isPlural(noun)).toBe(false),
  )

  test('R-REST-1: some words are the same for one and for many', () => {
    expect(isInvariable('time-series')).toBe(true)
    expect(isInvariable('people')).toBe(false)
  })

  test.each([
    'cancel',
    'search',
    'bulk-update',
    'mass-delete',
    'create-orders',
    'send-mails',
    'export-orders',
    'sync-line-items',
  ])('R-REST-1: %s is an act', (segment) => expect(isAct(segment, new Set(['orders', 'line-items']))).toBe(true))

  test.each([
    'orders',
    'updates',
    'login-attempts',
    'search-results',
    'export-jobs',
    'password-resets',
    'change-requests',
    'getaways',
  ])('R-REST-1: %s is a thing', (segment) => expect(isAct(segment, new Set(['orders']))).toBe(false))

  test.each(['create', 'approve', 'search', 'cancel', 'delete', 'get-report', 'create-order'])(
    '%s is a verb, and names no resource',
    (name) => expect(isVerb(name)).toBe(true),
  )

  test.each(['report', 'order', 'book', 'export', 'list', 'update', 'saved-search', 'search-result', 'change-request'])(
    '%s names a resource',
    (name) => expect(isVerb(name)).toBe(false),
  )

  test.each(['created', 'paid', 'sent', 'withdrawn', 'resold', 'email-verified', 'checked-out'])(
    'R-EVT-1: %s is past',
    (verb) => expect(isPast(verb)).toBe(true),
  )

  test.each(['create', 'pay', 'send', 'creation', 'new', ''])('R-EVT-1: %j is not past', (verb) =>
    expect(isPast(verb)).toBe(false),
  )
})
