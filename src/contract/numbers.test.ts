import { describe, expect, test } from 'vitest'
import { consumer, operation, problem, resource, service, t } from './index.ts'
import { inWords } from './known-members.ts'

// As somebody who writes JavaScript has it: no compiler, and no editor.
const plain = (value: unknown) => value as never

const note = (more: object) =>
  service('notes', {
    resources: {
      notes: resource('note', plain({ id: 'nte', fields: { title: t.text() }, access: { list: 'public' }, ...more })),
    },
  })
const field = (title: unknown) => note({ fields: { title, currency: t.currency() } })
const publish = (more: object) =>
  service('notes', {
    operations: { publish: operation(plain({ method: 'PUT', path: '/publications', access: 'public', ...more })) },
  })
const rate = { maxRequests: 10, windowMs: 1000 }
const limit = { by: 'ip', ...rate }
const bucket = (more: object) => service('notes', plain({ buckets: { account: { ...rate, ...more } } }))

/** Every number that a contract may have, and what its refusal calls it. */
const NUMBERS: [name: string, refusal: RegExp, define: (value: unknown) => unknown, least?: number][] = [
  ['cost', /notes\.publish: costs /, (cost) => publish({ cost })],
  ['cost of a verb', /notes\.notes\.list: costs /, (list) => note({ cost: { list } })],
  ['timeoutMs', /notes\.publish: has the timeoutMs /, (timeoutMs) => publish({ timeoutMs })],
  ['timeoutMs of a verb', /notes\.notes\.list: has the timeoutMs /, (list) => note({ timeoutMs: { list } })],
  ['status', /notes\.publish: answers PUT with /, (status) => publish({ status })],
  ['maxRequests of a limit', /has maxRequests /, (maxRequests) => publish({ limits: [{ ...limit, maxRequests }] })],
  ['windowMs of a limit', /has the window /, (windowMs) => publish({ limits: [{ ...limit, windowMs }] })],
  ['maxRequests of a bucket', /buckets\.account: has maxRequests /, (maxRequests) => bucket({ maxRequests })],
  ['windowMs of a bucket', /buckets\.account: has the window /, (windowMs) => bucket({ windowMs })],
  ['exactTotal', /notes\.list\.exactTotal: is /, (exactTotal) => note({ list: { exactTotal } })],
  ['maxOffset', /notes\.list\.maxOffset: is /, (maxOffset) => note({ list: { maxOffset } })],
  ['scanCost', /notes\.list\.scanCost: is /, (scanCost) => note({ list: { scanCost } })],
  ['latest', /latest: is /, (latest) => service('notes', plain({ latest }))],
  [
    'status of a problem',
    /has status /,
    (status) => service('notes', { problems: { LATE: problem(plain(status), 'No') } }),
  ],
  ...(
    [
      ['attempts', /consumers\.notes: has .* attempts/],
      ['timeoutMs', /consumers\.notes: has timeoutMs /],
      ['batch', /consumers\.notes: has the batch /],
    ] as const
  ).map(([name, message]): (typeof NUMBERS)[number] => [
    `${name} of a consumer`,
    message,
    (value) =>
      service(
        'notes',
        plain({ consumers: { notes: consumer({ name: 'notes', events: {} }, [], plain({ [name]: value })) } }),
      ),
  ]),
  ['scale', /notes\.title: has the scale /, (scale) => field(t.decimal(plain({ scale })))],
  ...(['min', 'max'] as const).flatMap((name): typeof NUMBERS => [
    [`${name} of a text`, RegExp(`title: has the ${name} `), (value) => field(t.text(plain({ [name]: value })))],
    [
      `${name} of a list`,
      RegExp(`title: has the ${name} `),
      (value) => field(t.list(t.text(), plain({ [name]: value }))),
    ],
    [
      `${name} of an integer`,
      RegExp(`title: has the ${name} `),
      (value) => field(t.integer(plain({ [name]: value }))),
      -9,
    ],
    [
      `${name} of a decimal`,
      RegExp(`title: has the ${name} `),
      (value) => field(t.decimal(plain({ scale: 2, [name]: value }))),
      -9,
    ],
    [
      `${name} of an amount`,
      RegExp(`title: has the ${name} `),
      (value) => field(t.money(plain({ [name]: value }))),
      -9,
    ],
  ]),
]

describe.each(NUMBERS)('R-P-6: %s', (_, refusal, define, least = 0) => {
  test.each([null, Number.NaN, Number.POSITIVE_INFINITY, '5', ...(least < 0 ? [] : [-1])])(
    'is refused with its name where it is %s: it is not taken as left out',
    (value) => {
      const fault = { code: 'INVALID_CONTRACT', message: expect.stringMatching(refusal) }
      expect(() => define(value)).toThrow(expect.objectContaining(fault))
      expect(() => define(value)).toThrow(inWords(value))
    },
  )

  test('is left out where it is undefined', () => {
    try {
      define(undefined)
    } catch (error) {
      // What has no default is missing, and some of these have other faults.
      expect((error as Error).message).toMatch(/undefined|has no events/)
    }
  })
})
