import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareMixed, type MixedSegment, matchMixed, readSegment } from './template.ts'

const mixed = (text: string) => readSegment(text) as MixedSegment
const values = (template: string, segment: string) => matchMixed(mixed(template), segment)

describe('FC-33: a segment with text and parameters', () => {
  test.each<[string, string, string[] | undefined]>([
    ['{sid}.json', 'AC1.json', ['AC1']],
    ['{sid}.json', 'a.json.json', ['a.json']],
    ['{sid}.json', '.json', undefined],
    ['{sid}.json', 'AC1.jsonx', undefined],
    ['{sid}.json', 'AC1', undefined],
    ['{base}...{head}', 'main...next', ['main', 'next']],
    ['{base}...{head}', 'main....', ['main', '.']],
    ['{base}...{head}', 'main...', undefined],
    ['{base}...{head}', '...next', undefined],
    ['{id}:cancel', '7:cancel', ['7']],
    ['{id}:cancel', '7:Cancel', undefined],
    ['{a}:{b}', '1:2:3', ['1', '2:3']],
    ["items(key='{k}',n={n})", "items(key='a',n=2)", ['a', '2']],
    ['v{major}.{minor}', 'v1.2', ['1', '2']],
    ['{a}{b}', 'xyz', ['x', 'yz']],
    ['{a}{b}', 'x', undefined],
    ['x{a}x', 'x', undefined],
    ['x{a}x', 'xx', undefined],
    ['x{a}x', 'xxx', ['x']],
  ])('%s of %s', (template, segment, expected) => {
    expect(values(template, segment)).toEqual(expected)
  })

  test('takes exactly what a regular expression takes', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 2 })
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 2, maxLength: 5 }),
        fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 9 }),
        (texts, segment) => {
          const expected = new RegExp(`^${texts.map((one) => one.replaceAll('.', '\\.')).join('(.+?)')}$`).exec(segment)
          expect(matchMixed(texts, segment)).toEqual(expected?.slice(1))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('what a backtracking expression would never finish with is read through once', () => {
    const template = mixed(`${'{x}a'.repeat(200)}b`)
    expect(matchMixed(template, 'a'.repeat(8_000))).toBeUndefined()
  })

  test('the names of parameters mean nothing; the one with more text goes first', () => {
    expect(compareMixed(mixed('{a}.json'), mixed('{b}.json'))).toBe(0)
    const all = ['{a}.json', '{a}.{b}', '{a}.x.json', 'x{a}.json'].map(mixed).sort(compareMixed)
    expect(all.map((one) => one.join('{}'))).toEqual(['{}.x.json', 'x{}.json', '{}.json', '{}.{}'])
    expect(readSegment('{a}')).toBe('parameter')
    expect(readSegment('a')).toBe('literal')
  })
})
