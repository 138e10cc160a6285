import { expect, test } from 'vitest'
import { NOT_COMPARED, record, reportOf } from './compare.ts'
import { differences } from './differences.ts'
import { normaliser } from './normalise.ts'
import { SHORT_SCRIPT } from './script.ts'
import { inOneProcess, inProcesses } from './topologies.ts'

test('R-P-3: one process, and users, two replicas of orders and a gateway in processes, give equal answers and events', {
  timeout: 120_000,
}, async () => {
  const one = await record(SHORT_SCRIPT, await inOneProcess())
  const many = await inProcesses({ orders: 2 }, {})
  if (many === undefined) return console.warn(NOT_COMPARED)
  const report = reportOf(one, await record(SHORT_SCRIPT, many), ['one process', 'processes'])
  expect(report === '', report).toBe(true)
})

test('what each run makes for itself is named by the order of its appearance, and what it was told is left alone', () => {
  const [one, other] = [normaliser(), normaliser()]
  const time = new Date().toISOString()
  const text = (a: string, b: string) =>
    `{"id":"ord_${a}","of":"usr_${b}","at":"${time}","placedAt":"2020-02-29T12:00:00.000Z"}`
  const [x, y, z] = ['01h455vb4pex5vsknk084sn02q', '01h455vb4pex5vsknk084sn02r', '01h455vb4pex5vsknk084sn02s']
  expect(one(text(x, y))).toBe('{"id":"ord#1","of":"usr#1","at":"<time>","placedAt":"2020-02-29T12:00:00.000Z"}')
  expect(other(text(z, x))).toBe(one(text(x, y)))
  expect(one(text(z, y))).not.toBe(other(text(z, x)))
})

test('a difference shows the request and the lines that differ side by side', () => {
  const recorded = (answer: string) => [{ request: 'GET /a', answer }]
  const names = ['one', 'many'] as const
  expect(differences(recorded('200\na'), recorded('200\na'), names)).toEqual([])
  const [shown] = differences(recorded('200\nx: 1\nb'), recorded('200\nx: 2\nb'), names)
  expect(shown).toMatch(/^GET \/a\n {2}one +│ many\n {2}200 +│ 200\n≠ x: 1 +│ x: 2$/)
  expect(differences(recorded('200'), [], names)[0]).toContain('(none)')
})
