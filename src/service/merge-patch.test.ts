import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mergePatch } from './merge-patch.ts'

/** RFC 7396, appendix A: original, patch, result. */
const APPENDIX_A: [unknown, unknown, unknown][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

describe('JSON Merge Patch (R-REST-2, RFC 7396)', () => {
  test.each(APPENDIX_A)('appendix A: %j patched with %j is %j', (original, patch, result) => {
    expect(mergePatch(original, patch)).toEqual(result)
  })

  test('section 3: the example of the introduction', () => {
    const article = {
      title: 'Goodbye!',
      author: { givenName: 'John', familyName: 'Doe' },
      tags: ['example', 'sample'],
      content: 'This will be unchanged',
    }
    const patch = { title: 'Hello!', phoneNumber: '+01-123-456-7890', author: { familyName: null }, tags: ['example'] }
    expect(mergePatch(article, patch)).toEqual({
      title: 'Hello!',
      author: { givenName: 'John' },
      tags: ['example'],
      content: 'This will be unchanged',
      phoneNumber: '+01-123-456-7890',
    })
  })

  test('neither what is patched nor the patch is changed', () => {
    const original = { a: { b: 1, c: { d: 2 } } }
    const patch = { a: { b: null, c: { e: 3 } } }
    const copies = structuredClone([original, patch])
    expect(mergePatch(original, patch)).toEqual({ a: { c: { d: 2, e: 3 } } })
    expect([original, patch]).toEqual(copies)
  })

  test('members that every object has are no members of it', () => {
    expect(mergePatch({}, { constructor: { name: 'x' } })).toEqual({ constructor: { name: 'x' } })
    expect(mergePatch({}, { toString: null })).toEqual({})
  })

  const objects = fc
    .dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }))
    .filter((one) => !('__proto__' in one))

  test('a patch that was applied changes nothing the second time', () => {
    fc.assert(
      fc.property(objects, objects, (original, patch) => {
        const once = mergePatch(original, patch)
        expect(mergePatch(once, patch)).toEqual(once)
      }),
    )
  })

  test('an empty patch changes nothing, and the members of a patch without objects are the result’s', () => {
    const flat = fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(fc.integer(), fc.string(), fc.constant(null)))
    fc.assert(
      fc.property(objects, flat, (original, patch) => {
        expect(mergePatch(original, {})).toEqual(original)
        const result = mergePatch(original, patch) as Record<string, unknown>
        for (const [name, value] of Object.entries(patch)) {
          if (value === null) expect(Object.hasOwn(result, name)).toBe(false)
          else expect(result[name]).toBe(value)
        }
      }),
    )
  })
})
