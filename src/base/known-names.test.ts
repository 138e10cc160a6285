import { expect, test } from 'vitest'
import { nearestName, unknownMember } from './known-names.ts'

test('FC-1: the name that was probably meant is a few slips away', () => {
  const known = ['access', 'services', 'max', 'min', 'RATE_LIMIT_MAX', 'TRUSTED_PROXIES']
  const meant: [string, string | undefined][] = [
    ['acces', 'access'],
    ['accses', 'access'],
    ['Access', 'access'],
    ['servics', 'services'],
    ['maks', 'max'],
    ['mx', 'max'],
    ['RATE_LIMIT_MAXX', 'RATE_LIMIT_MAX'],
    ['TRUSTED_PROXY', 'TRUSTED_PROXIES'],
    ['owner', undefined],
    ['id', undefined],
  ]
  for (const [name, nearest] of meant) expect([name, nearestName(name, known)]).toEqual([name, nearest])
})

test('FC-1: of the members of an object, one that means nothing is named with what there is', () => {
  expect(unknownMember({ min: 1, maks: 2 }, ['min', 'max'])).toBe('has the unknown member "maks": did you mean "max"?')
  expect(unknownMember({ pattern: 'x' }, ['min', 'max'])).toBe(
    'has the unknown member "pattern": expected one of min, max',
  )
  expect(unknownMember({ min: 1 }, ['min', 'max'])).toBeUndefined()
  expect(unknownMember(undefined, ['min'])).toBeUndefined()
})
