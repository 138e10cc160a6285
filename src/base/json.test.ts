import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Problem } from './errors.ts'
import { canonicalJson, decodeUtf8, type ParseOptions, parseJson } from './json.ts'

/** Any value that JSON can say and parseJson takes: every shape, whole Unicode without NUL, every double. */
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    texts(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    fc.array(tie('value'), { maxLength: 6 }),
    fc
      .array(fc.tuple(texts(), tie('value')), { maxLength: 6 })
      .map((members) => Object.fromEntries(members.filter(([key]) => key !== '__proto__'))),
  ),
})).value

/** Pieces of JSON in any order: mostly wrong, often nearly right. */
const shards = fc
  .array(
    fc.oneof(
      fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '\\', '\\"', '\\u', '\\u0041', '\\n', ' ', '\n', '\t', '\r'),
      fc.constantFrom(
        '"a"',
        '"b":',
        '"a":1',
        '{"a":',
        '[1,',
        'true',
        'false',
        'null',
        'tru',
        '-',
        '.',
        'e',
        'E+',
        '0',
        '01',
      ),
      fc.constantFrom(
        '"__proto__":',
        '\\u0000',
        '\u0000',
        '\ud800',
        '\\ud800',
        '\ufeff',
        'é',
        '😀',
        '1e400',
        '/*',
        'NaN',
      ),
      fc.double().map(String),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''))

describe('JSON that is right', () => {
  test('R-BODY-4: every JSON value survives the trip, whatever the white space', () => {
    fc.assert(
      fc.property(values, fc.constantFrom(undefined, 1, '\t', ' \r\n'), (value, space) => {
        deepStrictEqual(parseJson(JSON.stringify(value, null, space)), value)
      }),
      { numRuns: 1_000 },
    )
  })

  test('R-BODY-4: every JSON value survives the trip with its text escaped', () => {
    fc.assert(
      fc.property(values, (value) => {
        const escaped = JSON.stringify(value).replace(/[^\x20-\x7e]/g, (unit) => {
          return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
        })
        expect(parseJson(escaped)).toEqual(value)
      }),
    )
  })

  test('escapes, quotes and backslashes in text end a string where JSON says', () => {
    for (const text of [
      '"',
      '\\',
      '\\"',
      '"\\',
      'C:\\users\\',
      'a:b,c{d}[e]',
      '\\u0000',
      '\\\\"',
      '\n\t\b\f\r/',
      'ü€😀',
    ]) {
      expect(parseJson(JSON.stringify({ [text]: text, last: [text] }))).toEqual({ [text]: text, last: [text] })
    }
    expect(parseJson('"\\/\\u00e9\\ud83d\\ude00"')).toBe('/é😀')
  })

  test('bare values, white space around them, and the names that only look dangerous', () => {
    expect(parseJson(' \t\r\n1 \n')).toBe(1)
    expect(parseJson('null')).toBeNull()
    expect(parseJson('""')).toBe('')
    expect(parseJson('{"":{"":0}}')).toEqual({ '': { '': 0 } })
    expect(parseJson('{"constructor":1,"prototype":2,"toString":3,"_proto_":4,"__proto__x":5}')).toEqual(
      JSON.parse('{"constructor":1,"prototype":2,"toString":3,"_proto_":4,"__proto__x":5}'),
    )
    expect(parseJson('["__proto__","__proto__"]')).toEqual(['__proto__', '__proto__'])
    expect(parseJson('{"a":{"a":1},"b":[{"a":1},{"a":1}]}')).toEqual({ a: { a: 1 }, b: [{ a: 1 }, { a: 1 }] })
    expect(parseJson('{"2":1,"1":2}')).toEqual({ 1: 2, 2: 1 })
  })
})

describe('JSON that is wrong', () => {
  test('any text at all gives a value or a Problem, nothing else', () => {
    const anything = fc.oneof(shards, fc.string({ unit: 'binary' }), fc.json().chain(mutilated))
    fc.assert(
      fc.property(anything, (text) => {
        expect([Problem, undefined]).toContain(outcome(text).problem?.constructor)
      }),
      { numRuns: 5_000 },
    )
  })

  test('it agrees with JSON.parse on every text that has nothing else to refuse', () => {
    const anything = fc.oneof(shards, fc.json(), fc.json().chain(mutilated))
    fc.assert(
      fc.property(anything, (text) => {
        const { value, problem } = outcome(text)
        const known = native(text)
        if (problem === undefined) expect(value).toEqual(known.value)
        // A value with a field at fault is JSON; a mistake with a place is not, but for bare values, which have no field.
        else if (problem.details !== undefined) expect(known.failed).toBe(false)
        else if (/^Expected .* at line \d+, column \d+\.$/.test(problem.message)) expect(known.failed).toBe(true)
        else expect(problem.message).toMatch(/^(The number |Text must not contain |The text must not begin )/)
      }),
      { numRuns: 5_000 },
    )
  })

  test('a syntax error says what was expected, what is there, and where', () => {
    const known = [
      ['', 'Expected a value but the text ends at line 1, column 1.'],
      ['{"a":1,}', "Expected a key in double quotes but found '}' at line 1, column 8."],
      ['[1,]', "Expected a value but found ']' at line 1, column 4."],
      ['{\n  "a": 1\n  "b": 2\n}', "Expected ',' or '}' but found '\"' at line 3, column 3."],
      ['[1', "Expected ',' or ']' but the text ends at line 1, column 3."],
      ['{"a" 1}', "Expected ':' but found '1' at line 1, column 6."],
      ["{'a':1}", "Expected a key in double quotes but found ''' at line 1, column 2."],
      ['01', "Expected the end of the text but found '1' at line 1, column 2."],
      ['1 2', "Expected the end of the text but found '2' at line 1, column 3."],
      ['-', 'Expected a digit but the text ends at line 1, column 2.'],
      ['1.', 'Expected a digit but the text ends at line 1, column 3.'],
      ['.5', "Expected a value but found '.' at line 1, column 1."],
      ['1e', 'Expected a digit but the text ends at line 1, column 3.'],
      ['+1', "Expected a value but found '+' at line 1, column 1."],
      ['NaN', "Expected a value but found 'N' at line 1, column 1."],
      ['tru', "Expected a value but found 't' at line 1, column 1."],
      ['[\u00a01]', 'Expected a value but found U+00A0 at line 1, column 2.'],
      ['"a', 'Expected the end of the string but the text ends at line 1, column 3.'],
      ['"a\nb"', 'Expected the end of the string but found U+000A at line 1, column 3.'],
      ['"\u001f"', 'Expected the end of the string but found U+001F at line 1, column 2.'],
      ['"\\x"', "Expected a valid JSON escape but found 'x' at line 1, column 3."],
      ['"\\u00g0"', "Expected four hexadecimal digits but found 'g' at line 1, column 6."],
      ['"\\', 'Expected a valid JSON escape but the text ends at line 1, column 3.'],
    ] as const
    for (const [text, message] of known) {
      const problem = outcome(text).problem
      expect(problem?.code, text).toBe('MALFORMED_JSON')
      expect(problem?.message, text).toBe(message)
      expect(problem?.details, text).toBeUndefined()
    }
  })
})

describe('JSON that JSON.parse would take', () => {
  test('FC-104: a key that is not a plain name stands in brackets and quotes', () => {
    expect(fields('{"a.b":1,"a.b":2,"x[0]":1,"x[0]":2,"":{"c":1,"c":2}}')).toEqual(['["a.b"]', '["x[0]"]', '[""].c'])
  })

  test('R-BODY-4: a key twice in one object is refused, naming it', () => {
    expect(fields('{"a":1,"a":2}')).toEqual(['a'])
    expect(fields('{"a":1,"a":1}')).toEqual(['a'])
    expect(fields('{"items":[{"name":1},{"name":1,"x":{},"name":2}]}')).toEqual(['items[1].name'])
    expect(fields('{"a":1,"\\u0061":2}')).toEqual(['a'])
    expect(fields('{"":1,"":2}')).toEqual(['[""]'])
    expect(fields('{"1":1,"1":2}')).toEqual(['1'])
    expect(fields('{"a b":1,"a b":2}')).toEqual(['["a b"]'])
    expect(fields('[[{"toString":1,"toString":2}]]')).toEqual(['[0][0].toString'])
    expect(fields('{"a":1,"a":2,"b":{"c":1,"c":1,"c":1}}')).toEqual(['a', 'b.c', 'b.c'])
    expect(outcome('{"a":{"b":1,"b":2}}').problem?.message).toBe('a.b: The key is duplicated in its object.')
  })

  test('R-BODY-4: a member doubled anywhere is found', () => {
    fc.assert(
      fc.property(values, fc.string({ unit: 'grapheme' }).filter(isPlain), (value, key) => {
        // Refused twice over, as a key of this name is.
        fc.pre(key !== '__proto__')
        const doubled = `{${JSON.stringify(key)}:${JSON.stringify(value)},${JSON.stringify(key)}:null}`
        expect(fields(`[${JSON.stringify(value)},{"x":${doubled}}]`)).toHaveLength(1)
      }),
    )
  })

  test('R-BODY-4: the key __proto__ is refused however it is spelled', () => {
    expect(fields('{"__proto__":{"admin":true}}')).toEqual(['__proto__'])
    expect(fields('{"a":[{"\\u005f_proto__":1}]}')).toEqual(['a[0].__proto__'])
    expect(fields('{"__\\u0070roto__":1}')).toEqual(['__proto__'])
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  test('R-BODY-4: NUL in text is refused, in values and in keys', () => {
    expect(fields('{"name":"a\\u0000b"}')).toEqual(['name'])
    expect(fields('{"tags":["a","\\u0000"]}')).toEqual(['tags[1]'])
    expect(fields('{"a\\u0000":1}')).toEqual(['["a\\u0000"]'])
    expect(outcome('"\\u0000"').problem?.message).toBe('Text must not contain NUL (\\u0000).')
    expect(outcome('"\u0000"').problem?.message).toBe(
      'Expected the end of the string but found U+0000 at line 1, column 2.',
    )
    expect(parseJson('"\\\\u0000"')).toBe('\\u0000')
  })

  test('half of a surrogate pair is refused, raw or escaped', () => {
    for (const half of ['\ud800', '\udc00', '\udc00\ud800', '\\ud800', '\\uDFFF', '\\ud83d\\u0041', '\ud83d\\ude']) {
      const { problem } = outcome(`{"name":"${half}"}`)
      expect(problem?.code, JSON.stringify(half)).toBe('MALFORMED_JSON')
      if (!half.endsWith('ude')) expect(problem?.details?.[0]?.field).toBe('name')
    }
    expect(fields('{"\\ud800":1}')).toEqual(['["\\ud800"]'])
    expect(parseJson('"\\ud83d\\ude00 😀"')).toBe('😀 😀')
  })

  test('R-BODY-3: a number that a double would change is refused, saying what it would become', () => {
    const changed = [
      '9007199254740993',
      '-9007199254740993',
      '12345678901234567890',
      '18446744073709551616',
      '0.1000000000000000055',
      '0.30000000000000000001',
      '80000000000000.01',
      '1e400',
      '-1e400',
      '1e-400',
      '123456789012345678e-400',
      '1.7976931348623159e308',
      '4.9e-324',
      '2.00000000000000000000001',
      `1${'0'.repeat(400)}`,
      `0.${'0'.repeat(400)}1`,
      `1e${'9'.repeat(400)}`,
    ]
    for (const literal of changed) {
      expect(fields(`{"items":[{"price":${literal}}]}`), literal).toEqual(['items[0].price'])
      expect(outcome(literal).problem?.message, literal).toMatch(/^The number .* it would become .*\.$/)
    }
    expect(outcome('[9007199254740993]').problem?.message).toBe(
      '[0]: The number 9007199254740993 cannot be held exactly: it would become 9007199254740992.',
    )
  })

  test('R-BODY-3: a number that stays what it says is taken, however it is written', () => {
    const kept = [
      '0',
      '-0',
      '0.0',
      '0e99999',
      `0e-${'9'.repeat(400)}`,
      '9007199254740992',
      '-9007199254740991',
      '9007199254740994',
      '1e23',
      '1E+2',
      '1.10000000000000000000',
      '100000000000000000000000',
      '0.1',
      '12.50',
      '0.30000000000000004',
      '1.7976931348623157e308',
      '5e-324',
      '70368744177663.99',
      '1234567890123456',
      '1000e-3',
      '0.000000000000000000001e21',
      `0.${'0'.repeat(399)}1e400`,
      `1${'0'.repeat(300)}e-300`,
    ]
    for (const literal of kept) expect(parseJson(literal), literal).toBe(Number(literal))
  })

  test('R-BODY-3: numbers are taken exactly when the double says the same decimal', () => {
    const digits = fc.stringMatching(/^[0-9]{1,25}$/)
    const literals = fc
      .tuple(fc.constantFrom('', '-'), digits, fc.option(digits), fc.option(fc.integer({ min: -340, max: 320 })))
      .map(([sign, whole, fraction, exponent]) => {
        const start = `${sign}${whole.replace(/^0+(?=\d)/, '')}`
        return `${start}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`
      })
    fc.assert(
      fc.property(literals, (literal) => {
        const taken = outcome(`[${literal}]`).problem === undefined
        const value = Number(literal)
        expect(taken).toBe(Number.isFinite(value) && sameDecimal(literal, String(value)))
      }),
      { numRuns: 2_000 },
    )
  })

  test('a byte-order mark is refused', () => {
    expect(outcome('\ufeff{}').problem?.message).toBe('The text must not begin with a byte-order mark.')
    expect(outcome('{}\ufeff').problem?.message).toBe(
      'Expected the end of the text but found U+FEFF at line 1, column 3.',
    )
  })

  test('R-BODY-5: every faulty field at once, as many as one can read', () => {
    expect(fields('{"a":1,"a":"\\u0000","b":[1e400,{"__proto__":9007199254740993}]}')).toEqual([
      'a',
      'a',
      'b[0]',
      'b[1].__proto__',
      'b[1].__proto__',
    ])
    expect(fields(`[${Array(10_000).fill('1e400').join()}]`)).toHaveLength(50)
    const long = `{"${'k'.repeat(10_000)}\\u0000":{"${'l'.repeat(10_000)}":1e400}}`
    expect(outcome(long).problem?.message.length).toBeLessThan(400)
  })

  test('R-BODY-5: what is wrong as JSON is said before what is wrong in its values', () => {
    expect(outcome('{"a":1,"a":2').problem?.message).toBe("Expected ',' or '}' but the text ends at line 1, column 13.")
  })
})

describe('nesting', () => {
  test('R-BODY-4: 64 levels are taken, 65 are not', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const nested = (levels: number) => open.repeat(levels) + (open === '[' ? '' : '1') + close.repeat(levels)
      expect(outcome(nested(64)).problem).toBeUndefined()
      const { problem } = outcome(nested(65))
      expect(problem?.code).toBe('MALFORMED_JSON')
      expect(problem?.message).toMatch(/^Nested deeper than 64 levels at line 1, column \d+\.$/)
      expect(outcome(nested(3), { maxDepth: 3 }).problem).toBeUndefined()
      expect(outcome(nested(4), { maxDepth: 3 }).problem?.message).toMatch(/^Nested deeper than 3 levels/)
      expect(outcome(nested(1_000), { maxDepth: 1e9 }).problem).toBeUndefined()
      expect(outcome(nested(1_001), { maxDepth: 1e9 }).problem?.message).toMatch(/^Nested deeper than 1000 levels/)
    }
    expect(parseJson(`["${'['.repeat(100)}"]`)).toEqual(['['.repeat(100)])
    expect(parseJson(`[${Array(100).fill('[]').join()}]`)).toHaveLength(100)
  })

  test('R-BODY-4: a megabyte made to hurt neither overflows the stack nor takes longer than its length', () => {
    const million = 2 ** 20
    const hostile = [
      '['.repeat(million),
      '{"a":'.repeat(million / 5),
      '[{"a":'.repeat(million / 6),
      ']'.repeat(million),
      '"'.repeat(million),
      `"${'\\'.repeat(million)}`,
      `"${'\\"'.repeat(million / 2)}`,
      `"${'\\u0000'.repeat(million / 6)}"`,
      '\\"'.repeat(million / 2),
      '9'.repeat(million),
      `[0.${'0'.repeat(million)}1]`,
      `1${'0'.repeat(million)}1e-${million}`,
      `1e${'0'.repeat(million)}1`,
      `0.1e${'9'.repeat(million)}`,
      `[${'0,'.repeat(million / 2)}0`,
      `${'\n'.repeat(million)}x`,
      `{${'"a":1,'.repeat(million / 6)}"a":1}`,
      `[${'"__proto__",'.repeat(million / 12)}0]`,
      `[${'{"__proto__":0},'.repeat(million / 16)}0]`,
      `{"${'\\u0000'.repeat(million / 6)}":{"${'k'.repeat(million)}":[${'1e400,'.repeat(100)}0]}}`,
    ]
    for (const text of hostile) {
      const { problem } = outcome(text)
      expect(problem === undefined || problem instanceof Problem).toBe(true)
      expect(JSON.stringify([problem?.message, problem?.details]).length).toBeLessThan(64 * 1024)
    }
  })
})

/** In front of a text: one beyond 64 KiB is read by the reader that bounds what it costs, and not by JSON.parse. */
const LARGE = ' '.repeat(64 * 1024)

describe('a large text', () => {
  test('FC-92, R-BODY-4: every JSON value survives the trip, plain or escaped', () => {
    fc.assert(
      fc.property(values, fc.boolean(), (value, escaped) => {
        const text = JSON.stringify(value)
        const sent = escaped
          ? text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
          : text
        deepStrictEqual(parseJson(LARGE + sent), value)
      }),
    )
  })

  test('FC-92: every number is the one that JSON.parse reads', () => {
    const literals = fc
      .tuple(
        fc.constantFrom('', '-'),
        fc.nat(1e9),
        fc.option(fc.stringMatching(/^[0-9]{1,6}$/)),
        fc.option(fc.integer({ min: -320, max: 290 })),
      )
      .map(
        ([sign, whole, fraction, exponent]) =>
          `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `E${exponent}`}`,
      )
    fc.assert(
      fc.property(fc.array(literals, { maxLength: 20 }), (some) => {
        const text = `[${some.join()}]`
        const { value, problem } = outcome(LARGE + text)
        if (problem === undefined) expect(value).toEqual(JSON.parse(text))
        else expect(problem.details?.every(({ message }) => message.startsWith('The number '))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('FC-92, R-BODY-4: what is refused in a small one is refused in a large one, with the same words', () => {
    const anything = fc.oneof(shards, fc.json().chain(mutilated))
    fc.assert(
      fc.property(anything, (text) => {
        const [small, large] = [outcome(text).problem, outcome(`${text}${LARGE}`).problem]
        // A text that is cut short ends later with spaces behind it.
        if (!/the text ends|U\+0020|end of the string|begin with a byte/.test(`${small?.message} ${large?.message}`)) {
          expect(large?.message).toBe(small?.message)
          expect(large?.details).toEqual(small?.details)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('FC-92: it may have 100,000 members and elements, and one more is a 413', () => {
    const sets: [string, (n: number) => string][] = [
      ['elements', (n) => `[${Array(n).fill('1e5').join()}]`],
      ['empty objects', (n) => `[${Array(n).fill('{}').join()}]`],
      ['escapes', (n) => `[${Array(n).fill('"\\u0041"').join()}]`],
      [
        'members, one of which is the list',
        (n) =>
          `{"x":[${Array(n - 1)
            .fill('[ ]')
            .join()}]}`,
      ],
    ]
    for (const [name, text] of sets) {
      expect(outcome(text(100_000)).problem, name).toBeUndefined()
      const { problem } = outcome(text(100_001))
      expect(problem?.code, name).toBe('PAYLOAD_TOO_LARGE')
      expect(problem?.message, name).toBe('The body has more than 100000 members and elements')
    }
    expect(outcome(`[${Array(100_001).fill('0').join()}]`, { maxValues: 200_000 }).problem).toBeUndefined()
  })

  test('FC-92: gives the value that JSON.parse gives, or the faults of the same text made small', () => {
    // The same array many times over is large; what is wrong with the last of it stands in a small text too.
    const filler = Array(3_000).fill('{"id":1,"name":"some text","more":[]}').join()
    const anything = fc.oneof(
      values.map((value) => JSON.stringify(value)),
      fc.json().chain(mutilated),
      shards,
    )
    fc.assert(
      fc.property(anything, fc.boolean(), (piece, escaped) => {
        const text = escaped
          ? piece.replace(/[b-z](?=[^"\\]*")/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`)
          : piece
        const small = outcome(`[[],${text}]`)
        const large = outcome(`[[${filler}],${text}]`)
        expect(withoutPlace(large.problem)).toEqual(withoutPlace(small.problem))
        if (large.problem === undefined) deepStrictEqual(large.value, JSON.parse(`[[${filler}],${text}]`))
      }),
      { numRuns: 300 },
    )
  })

  test('FC-92: keys in any order and number, some twice, some escaped: what is twice is found', () => {
    const keys = fc.array(
      fc.constantFrom('a', 'b', 'c', 'aa', '', 'toString', '__proto__', '\\u0061', 'a\\u0000', '\\"', '"'),
      { maxLength: 24 },
    )
    const spaces = fc.constantFrom('', ' ', '\n')
    const filler = `"${'x'.repeat(70_000)}"`
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            keys,
            fc.nat(60).map((n) => Array.from({ length: n }, (_, i) => `k${i}`)),
          ),
          { maxLength: 8 },
        ),
        spaces,
        (rows, space) => {
          const text = rows.map((row) => `{${row.map((key) => `"${key}"${space}:${space}1`).join(`${space},`)}}`).join()
          const large = outcome(`[${filler},[${text}]]`)
          expect(withoutPlace(large.problem)).toEqual(withoutPlace(outcome(`["",[${text}]]`).problem))
          if (large.problem === undefined) expect(large.value).toEqual(JSON.parse(`[${filler},[${text}]]`))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('FC-92: of short texts that differ, or deep objects, it is the value that JSON.parse gives', () => {
    fc.assert(
      fc.property(values, (value) => {
        for (const many of [Array.from({ length: 21_000 }, (_, i) => `t\n${i}`), nested(300, 80)]) {
          const text = JSON.stringify([many, value, { value }, -0, 1.5e-7, 1e21, true, false, null, [], {}], null, 1)
          deepStrictEqual(parseJson(text, { maxDepth: 100 }), JSON.parse(text))
        }
      }),
      { numRuns: 20 },
    )
  })

  test('FC-92: many members of wide objects, or of objects that are all different, are a 413', () => {
    const wide = (rows: number) =>
      JSON.stringify(Array(rows).fill(Object.fromEntries(Array.from({ length: 125 }, (_, i) => [`k${i}`, i]))))
    expect(outcome(wide(200)).problem).toBeUndefined()
    expect(outcome(wide(201)).problem?.code).toBe('PAYLOAD_TOO_LARGE')
    const different = (rows: number) =>
      JSON.stringify(
        Array.from({ length: rows }, (_, i) =>
          Object.fromEntries(Array.from({ length: 12 }, (_, j) => [`k${(i >> j) & 1}_${j}`, 'text'])),
        ),
      )
    expect(outcome(different(4_000)).problem).toBeUndefined()
    const other = (rows: number) =>
      JSON.stringify(Array.from({ length: rows }, (_, i) => ({ [`a${i % 1_900}`]: 1, [`b${i % 89}`]: 'text' })))
    expect(outcome(other(7_000)).problem).toBeUndefined()
    expect(outcome(other(20_000)).problem?.code).toBe('PAYLOAD_TOO_LARGE')
  })

  test('FC-92: of keys of 1,000 characters, more than 128 are a 400 that names one', () => {
    const key = (i: number) => String(i).padStart(1_000, 'k')
    const text = (count: number) => `{"x":{${Array.from({ length: count }, (_, i) => `"${key(i)}":1`).join()}}}`
    expect(outcome(text(127)).problem).toBeUndefined()
    const { problem } = outcome(text(1_000))
    expect(problem).toMatchObject({ code: 'VALIDATION_ERROR', details: [{ field: expect.stringMatching(/^x\.k/) }] })
  })

  test('FC-92: of keys that all differ, more than 2,000 are a 400 that names one', () => {
    const text = (n: number) => `${LARGE}{"x":{${Array.from({ length: n }, (_, i) => `"k${i}":1`).join()}}}`
    expect(outcome(text(1_999)).problem).toBeUndefined()
    const { problem } = outcome(text(99_999))
    expect(problem?.code).toBe('VALIDATION_ERROR')
    expect(problem?.details).toEqual([{ field: 'x.k1999', message: 'is not a field of this request' }])
    expect(outcome(text(99_999), { maxKeys: 100_000 }).problem).toBeUndefined()
  })

  test('FC-92: numbers that have to be written out to be judged are bounded', () => {
    const text = (n: number) => `[${Array(n).fill('0.30000000000000004').join()}]`
    expect(outcome(text(4_000)).problem).toBeUndefined()
    expect(outcome(text(4_001)).problem?.code).toBe('PAYLOAD_TOO_LARGE')
    expect(outcome(`[${Array(4_001).fill('0.30000000000000000').join()}]`).problem).toBeUndefined()
  })
})

describe('one text for one value', () => {
  test('R-IDEM-2: members reordered are the same body', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 'x' }], a: null })).toBe('{"a":null,"b":[{"c":"x","d":1}]}')
    expect(canonicalJson({ 10: 1, 9: 2, é: 3, Z: 4 })).toBe('{"10":1,"9":2,"Z":4,"é":3}')
    fc.assert(fc.property(values, (value) => canonicalJson(value) === canonicalJson(reordered(value))))
  })

  test('R-IDEM-2: another body has another text', () => {
    fc.assert(fc.property(values, (value) => void expect(JSON.parse(canonicalJson(value))).toEqual(value)))
    for (const [one, other] of [
      [
        [1, 2],
        [2, 1],
      ],
      [{ a: 1 }, { a: '1' }],
      [{ a: null }, {}],
      [{ a: { b: 1 } }, { a: 1, b: 1 }],
      ['1', 1],
    ]) {
      expect(canonicalJson(one)).not.toBe(canonicalJson(other))
    }
  })

  test('numbers written differently, dates and undefined come out as with JSON.stringify', () => {
    expect(canonicalJson(parseJson('[1.0,1e2,-0,"\\u0041\\/"]'))).toBe('[1,100,0,"A/"]')
    expect(canonicalJson({ at: new Date(0), gone: undefined, list: [undefined] })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","list":[null]}',
    )
    expect(canonicalJson(undefined)).toBe('null')
  })
})

test('FC-34: `exact: false` takes what a double would change, and refuses all else', () => {
  const lax = (text: string) => parseJson(text, { exact: false })
  expect(lax('{"maximum": 9223372036854775807, "b": [1e400, -0.1234567890123456789]}')).toEqual({
    maximum: 2 ** 63,
    b: [Number.POSITIVE_INFINITY, -0.12345678901234568],
  })
  expect(lax('["\\ud800\\u0000"]')).toEqual(['\ud800\0'])
  for (const text of [
    '{"a": 9223372036854775807, "a": 1}',
    '{"__proto__": 1}',
    '[1e400, ]',
    '[01]',
    '[9223372036854775807',
  ])
    expect(() => lax(text)).toThrow(expect.objectContaining({ code: 'MALFORMED_JSON' }))
  expect(() => parseJson('[9223372036854775807]')).toThrow()
})

describe('bytes', () => {
  test('UTF-8 of every text comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const wellFormed = Buffer.from(text).toString()
        if (!wellFormed.startsWith('\ufeff')) expect(decodeUtf8(Buffer.from(text))).toBe(wellFormed)
      }),
    )
    expect(decodeUtf8(new Uint8Array())).toBe('')
    expect(decodeUtf8(Buffer.from('{"a":"ü€😀"}'))).toBe('{"a":"ü€😀"}')
  })

  test('bytes that are not UTF-8 are refused, also after others were', () => {
    const wrong = [
      [0xff],
      [0xc3],
      [0x80],
      [0xc0, 0x80],
      [0xe0, 0x80, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0x22, 0xe9, 0x22],
      [0xff, 0xfe, 0x7b, 0x00],
    ]
    for (const bytes of wrong) {
      expect(() => decodeUtf8(Uint8Array.from(bytes)), `${bytes}`).toThrow(
        expect.objectContaining({ code: 'MALFORMED_JSON', message: 'The bytes are not valid UTF-8.' }),
      )
      expect(decodeUtf8(Buffer.from('{}'))).toBe('{}')
    }
  })

  test('a byte-order mark is refused', () => {
    expect(() => decodeUtf8(Buffer.from('\ufeff{}'))).toThrow(/byte-order mark/)
    expect(decodeUtf8(Buffer.from('{"a":"\ufeff"}'))).toBe('{"a":"\ufeff"}')
  })
})

function texts(): fc.Arbitrary<string> {
  return fc.oneof(fc.string(), fc.string({ unit: 'binary' }).filter(isPlain), fc.constantFrom('"', '\\', 'constructor'))
}

/** Without NUL and half surrogates. */
function isPlain(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text)
}

/** A JSON text with one piece taken out, doubled, or replaced. */
function mutilated(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.nat(text.length),
      fc.nat(3),
      fc.constantFrom('', ',', '"', '}', '\\', '0', 'e', ' ', '\u0001', '{"a":1,"a":2}'),
    )
    .map(([at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length))
}

function outcome(text: string, options?: ParseOptions): { value?: unknown; problem?: Problem } {
  try {
    return { value: parseJson(text, options) }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { problem: error }
  }
}

/** What of a refusal does not depend on where in the text it is. */
function withoutPlace(problem: Problem | undefined) {
  return (
    problem && { code: problem.code, message: problem.message.replace(/ at line .*/, ''), details: problem.details }
  )
}

/** As many chains of objects, of this depth. */
function nested(chains: number, depth: number): unknown[] {
  return Array.from({ length: chains }, () => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`))
}

function native(text: string): { value?: unknown; failed: boolean } {
  try {
    return { value: JSON.parse(text), failed: false }
  } catch {
    return { failed: true }
  }
}

function fields(text: string): string[] {
  const { problem } = outcome(text)
  expect(problem?.code).toBe('MALFORMED_JSON')
  return (problem?.details ?? []).map((fault) => fault.field)
}

function sameDecimal(one: string, other: string): boolean {
  const [a, b] = [fraction(one), fraction(other)]
  const scale = Math.min(a.exponent, b.exponent)
  return a.digits * 10n ** BigInt(a.exponent - scale) === b.digits * 10n ** BigInt(b.exponent - scale)
}

function fraction(literal: string): { digits: bigint; exponent: number } {
  const [mantissa = '', exponent = '0'] = literal.toLowerCase().split('e')
  const [whole = '', decimals = ''] = mantissa.split('.')
  return { digits: BigInt(whole + decimals || '0'), exponent: Number(exponent) - decimals.length }
}

function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reordered(member)]),
  )
}
