import { Problem } from '../src/base/errors.ts'
import { decodeUtf8, parseJson } from '../src/base/json.ts'
import { bodyCheck } from '../src/contract/check.ts'
import { resource, t } from '../src/contract/index.ts'
import { operationsOf } from '../src/contract/served-operations.ts'
import { problemAnswer } from '../src/http/problem-answer.ts'

/**
 * What a body of 1 MiB costs, whatever its shape, in times of what JSON.parse takes for 1 MiB of ordinary rows just before and
 * after it (FC-92): decoding, reading, the check of an order, and the answer that refuses it.
 * What takes more than four times as long is exit code 1.
 */
const MOST = 4
const SIZE = 1024 * 1024

/** Pieces joined by commas, up to 1 MiB together with what stands around them. */
function filled(
  open: string,
  piece: string | ((i: number) => string),
  close: string,
  most = Number.POSITIVE_INFINITY,
): string {
  const pieces: string[] = []
  let size = open.length + close.length
  for (let i = 0; i < most; i++) {
    const next = typeof piece === 'string' ? piece : piece(i)
    const bytes = Buffer.byteLength(next) + 1
    if (size + bytes > SIZE) break
    size += bytes
    pieces.push(next)
  }
  return open + pieces.join() + close
}

const row = (i: number) =>
  `{"id":"ord_01h455vb4pex5vsknk084s${String(i).padStart(4, '0')}","name":"Customer ${i}","total":${(i * 37) % 9999}.5,"quantity":${i % 7},"paid":${i % 2 === 0},"note":null,"createdAt":"2026-01-01T12:00:00Z"}`

const ORDINARY = filled('{"items":[', row, ']}')

/** As long as `length`, distinct. */
const key = (i: number, length: number) => i.toString(36).padStart(length, '_')
/** Of `digits` digits, and a double holds it. */
const float = (i: number) => String(Math.sqrt(i + 2) / 7)

const wide = (members: number) =>
  filled(
    '{"x":[',
    `{${Array.from({ length: members }, (_, i) => `"k${i}":1`).join()}}`,
    ']}',
    Math.floor(99_000 / (members + 1)),
  )

/** `count` keys in an order that differs for every `i`. */
const shuffled = (i: number, count: number, of: number) =>
  Array.from({ length: count }, (_, j) => `"k${(i * 7 + j * (2 * (i % 500) + 1)) % of}":1`)
const unique = (members: string[]) => [...new Map(members.map((member) => [member, member])).values()]
/** Rows of 30 members with this as their last element. */
const wideThen = (last: string) => `${wide(30).slice(0, -2)},${last}]}`
const THIRTY = Array.from({ length: 30 }, (_, i) => `"k${i}":1`)

const SHAPES: Record<string, string> = {
  'ordinary rows': ORDINARY,
  'array of 1e5': filled('{"x":[', '1e5', ']}'),
  'array of 1e5, 99,000': filled('{"x":[', '1e5', ']}', 99_000),
  'array of 0': filled('[', '0', ']'),
  'numbers of 9 digits and exponent': filled('{"x":[', '1234567e2', ']}', 99_000),
  'numbers of 17 digits': filled('{"x":[', float, ']}'),
  'numbers of 17 digits, spelt otherwise': filled('{"x":[', (i) => `${float(i)}0`, ']}'),
  'numbers of 17 digits with exponents': filled('{"x":[', (i) => `${float(i)}e-290`, ']}'),
  'numbers of 17 digits, near 5e-324': filled('{"x":[', (i) => `${(i % 89) + 10}e-323`, ']}'),
  'one number of 1 MiB': filled('{"x":', '1'.repeat(SIZE - 100), '}'),
  'one number of 1 MiB that is 1': filled('{"x":', `1.${'0'.repeat(SIZE - 100)}`, '}'),
  'one number of 1 MiB that is 1e-1000000': filled('{"x":', `0.${'0'.repeat(SIZE - 100)}1`, '}'),
  'numbers of 400 zeros and e': filled('{"x":[', `0.${'0'.repeat(390)}1e400`, ']}'),
  'numbers of 772 digits': filled('{"x":[', (i) => `${i + 1}${'7'.repeat(772)}`, ']}'),
  'escapes: one text of \\u0041': filled('{"x":"', '\\u0041'.repeat(174_000), '"}'),
  'escapes: texts of \\u0041': filled('{"x":[', '"\\u0041"', ']}', 99_000),
  'escapes: keys of \\u0041': filled('{"x":{', (i) => `"\\u0041${key(i, 3)}":1`, '}}', 99_000),
  'escapes: one text of \\"': filled('{"x":"', '\\"'.repeat(520_000), '"}'),
  'escapes: one text of \\\\': filled('{"x":"', '\\\\'.repeat(520_000), '"}'),
  'escapes: pairs': filled('{"x":"', '\\ud83d\\ude00'.repeat(87_000), '"}'),
  'escapes: one text, its half pair last': filled('{"x":"', `${'\\ud83d\\ude00'.repeat(87_000)}\\ud83d`, '"}'),
  'rows of 10 short members': wide(10),
  'rows of 30 members': wide(30),
  'rows of 30 members, one with an escape': wide(30).replace('"k0"', '"\\u006b0"'),
  'rows of 30 members, each with an escape': wide(30).replaceAll('"k0"', '"\\u006b0"'),
  'rows of 30 members, the mistake last': wideThen('{"a":1,}'),
  'rows of 30 members, the last key doubled': wideThen(`{${THIRTY.join()},"k0":2}`),
  'rows of 30 members, the last number inexact': wideThen('{"k0":9007199254740993}'),
  'rows of 30 members, the last text with NUL': wideThen('{"k0":"\\u0000"}'),
  'rows of 30 members of two orders': filled(
    '{"x":[',
    (i) => `{${(i % 2 ? THIRTY : THIRTY.toReversed()).join()}}`,
    ']}',
    3_190,
  ),
  'rows of 16 members, each after one of two': filled(
    '{"x":[',
    (i) => `{${Array.from({ length: 16 }, (_, j) => `"k${j}${(Math.imul(i, 2654435761) >>> (j + 9)) % 2}":1`).join()}}`,
    ']}',
    5_800,
  ),
  'rows of 30 members in orders that differ': filled(
    '{"x":[',
    (i) => `{${unique(shuffled(i, 30, 2_000)).join()}}`,
    ']}',
    3_190,
  ),
  'rows of 30 members in orders that differ, 900': filled(
    '{"x":[',
    (i) => `{${unique(shuffled(i, 30, 2_000)).join()}}`,
    `${`,{${THIRTY.join()}}`.repeat(2_100)}]}`,
    1_000,
  ),
  'rows of 30 of 40 members': filled(
    '{"x":[',
    (i) =>
      `{${Array.from({ length: 40 }, (_, j) => `"k${j}":1`)
        .filter((_, j) => Math.imul(i + 1, (j + 1) * 40503) & 12288)
        .join()}}`,
    ']}',
    3_190,
  ),
  'rows of 30 short texts that differ': filled(
    '{"x":[',
    (i) => `{${THIRTY.map((member, j) => member.replace(/1$/, `"${key(i * 30 + j, 7)}"`)).join()}}`,
    ']}',
  ),
  'rows of 30 members, 19,000 of them short texts that differ': filled(
    '{"x":[',
    (i) => `{${THIRTY.map((member, j) => (j < 8 ? member.replace(/1$/, `"${key(i * 8 + j, 7)}"`) : member)).join()}}`,
    ']}',
    2_370,
  ),
  'rows of 120 members': wide(120),
  'rows of 120 members, 24,000': filled(
    '{"x":[',
    `{${Array.from({ length: 120 }, (_, i) => `"k${i}":1`).join()}}`,
    ']}',
    200,
  ),
  'rows of 2,000 members, 24,000': filled(
    '{"x":[',
    `{${Array.from({ length: 2_000 }, (_, i) => `"k${i}":1`).join()}}`,
    `${`,{${THIRTY.join()}}`.repeat(2_300)}]}`,
    12,
  ),
  'rows of 200 members': wide(200),
  'rows of short texts': filled(
    '{"x":[',
    (i) => `{"code":"${key(i, 7)}","unit":"kg","price":${i}.5,"note":"as before and as always"}`,
    ']}',
  ),
  'empty objects': filled('{"x":[', '{}', ']}'),
  'empty objects, 99,000': filled('{"x":[', '{}', ']}', 99_000),
  'empty arrays, 99,000': filled('{"x":[', '[]', ']}', 99_000),
  'objects of one': filled('{"x":[', '{"a":1}', ']}', 49_000),
  'objects of one, last key doubled': filled('{"x":[', '{"a":1}', ',{"a":1,"a":2}]}', 49_000),
  'objects of other shapes': filled('{"x":[', (i) => `{"${key(i, 4)}":1}`, ']}', 49_000),
  'arrays of arrays': filled('{"x":[', `${'['.repeat(60)}1${']'.repeat(60)}`, ']}'),
  'arrays of arrays, 1,600': filled('{"x":[', `${'['.repeat(60)}1${']'.repeat(60)}`, ']}', 1_600),
  'objects of objects, 1,600': filled('{"x":[', `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`, ']}', 1_600),
  'only [': '['.repeat(SIZE),
  'only {"a":': '{"a":'.repeat(SIZE / 5),
  'only ]': ']'.repeat(SIZE),
  'only quotes': '"'.repeat(SIZE),
  'only backslashes in a text': `"${'\\'.repeat(SIZE - 2)}`,
  'one object of 99,000 keys': filled('{"x":{', (i) => `"${key(i, 5)}":1`, '}}', 99_000),
  'one object of 99,000 keys at the top': filled('{', (i) => `"${key(i, 5)}":1`, '}', 99_000),
  'one object of 99,000 keys, last one twice': filled('{"x":{', (i) => `"${key(i, 5)}":1`, ',"____0":1}}', 99_000),
  'one object of 99,000 times one key': filled('{"x":{', '"____k":1', '}}', 99_000),
  'keys that are whole numbers': filled('{"x":{', (i) => `"${i}":1`, '}}', 99_000),
  'keys that are whole numbers, backwards': filled('{"x":{', (i) => `"${99_000 - i}":1`, '}}', 99_000),
  'keys that are sparse whole numbers': filled('{"x":{', (i) => `"${i * 31_337}":1`, '}}', 99_000),
  'keys that collide (multiples of 2^13)': filled(
    '{"x":{',
    (i) => `"${1_000_000 + ((i * 8_192) % 9_000_000) + Math.floor((i * 8_192) / 9_000_000)}":1`,
    '}}',
    74_000,
  ),
  'keys that collide (multiples of 2^17)': filled(
    '{"x":{',
    (i) => `"${1_000_000 + ((i * 131_072) % 8_999_936) + Math.floor((i * 131_072) / 8_999_936)}":1`,
    '}}',
    74_000,
  ),
  'long keys': filled('{"x":{', (i) => `"${key(i, 1_000)}":1`, '}}'),
  'long keys, all but alike': filled('{"x":{', (i) => `"${'k'.repeat(100)}${key(i, 5)}":1`, '}}'),
  'one long key': filled('{"', 'k'.repeat(SIZE - 100), '":1}'),
  'small texts': filled('{"x":[', '"abcdefg"', ']}', 99_000),
  'texts that differ': filled('{"x":[', (i) => `"${key(i, 7)}"`, ']}', 99_000),
  'one text': filled('{"x":"', 'x'.repeat(SIZE - 100), '"}'),
  'one text beyond ASCII': filled('{"x":"', 'é'.repeat(SIZE / 2 - 100), '"}'),
  'texts of emoji': filled('{"x":[', '"😀"', ']}', 99_000),
  'white space': `{"x":1${' '.repeat(SIZE - 10)}}`,
  'white space between': filled('{"x":[', '1  \n\t  ', ']}', 99_000),
  'lines, the mistake last': `{"x":[${'\n'.repeat(SIZE - 10)}}`,
  words: filled('{"x":[', 'false', ']}', 99_000),
  'NUL in every text': filled('{"x":[', '"\\u0000"', ']}', 99_000),
  '__proto__ in every object': filled('{"x":[', '{"__proto__":1}', ']}', 49_000),
  'keys with points': filled('{', (i) => `"a.${key(i, 3)}":1`, '}', 99_000),
  'rows, the mistake last': `${ORDINARY.slice(0, -2)},}`,
  'rows, the last number inexact': `${ORDINARY.slice(0, -2)},9007199254740993]}`,
  'rows, the last key doubled': `${ORDINARY.slice(0, -2)},{"a":1,"a":2}]}`,
  'items with unknown members': filled(
    '{"items":[',
    `{${Array.from({ length: 60 }, (_, i) => `"u${i}":1`).join()}}`,
    ']}',
    1_000,
  ),
  'items of the wrong kind': filled('{"items":[', '1', ']}', 1_000),
}

const Order = resource('order', {
  id: 'ord',
  fields: {
    items: t.list(
      t.object({ productId: t.id('prd'), quantity: t.integer(), unitPrice: t.money(), note: t.text().optional() }),
      { max: 1_000 },
    ),
    currency: t.currency(),
  },
  access: { create: 'public' },
})
const check = bodyCheck(operationsOf('orders', 'orders', Order)[0]!.body!)

/** Everything that the event loop does with such a body; how long, and the answer's size. */
function take(bytes: Uint8Array): { ms: number; outcome: string; size: number } {
  const start = process.cpuUsage()
  let problem: unknown
  try {
    const details = check(parseJson(decodeUtf8(bytes)), false)
    if (details.length > 0) problem = new Problem('VALIDATION_ERROR', undefined, { details })
  } catch (error) {
    problem = error
  }
  let size = 0
  let outcome = 'taken'
  if (problem !== undefined) {
    const context = { requestId: 'req_1', accept: undefined, problems: undefined, allow: undefined, log: console }
    size = problemAnswer(problem, context).body.length
    outcome = (problem as Problem).code
  }
  return { ms: since(start), outcome, size }
}

function native(text: string): number {
  const start = process.cpuUsage()
  JSON.parse(text)
  return since(start)
}

/** CPU time: what a busy machine does beside it does not count. */
function since(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

const rounds = Number(process.argv[2] ?? 9)
const only = process.argv[3]
for (let i = 0; i < 20; i++) native(ORDINARY)
console.log(
  `JSON.parse of 1 MiB of ordinary rows: ${median(Array.from({ length: 21 }, () => native(ORDINARY))).toFixed(2)} ms`,
)
console.log('| shape | times (min–max) | first | answer | bytes |\n| --- | --- | --- | --- | --- |')
let worst = 0
for (const [name, text] of Object.entries(SHAPES)) {
  if (only !== undefined && !name.includes(only)) continue
  const bytes = Buffer.from(text)
  const ratios: number[] = []
  let last = { ms: 0, outcome: '', size: 0 }
  for (let round = 0; round < rounds; round++) {
    const before = native(ORDINARY)
    last = take(bytes)
    const ordinary = (before + native(ORDINARY)) / 2
    ratios.push(last.ms / ordinary)
  }
  const middle = median(ratios)
  worst = Math.max(worst, middle)
  console.log(
    `| ${name} | ${middle.toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}) | ${ratios[0]!.toFixed(2)} | ${last.outcome} | ${last.size} |`,
  )
}
console.log(`worst: ${worst.toFixed(2)}`)
process.exitCode = worst > MOST ? 1 : 0

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}
