import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { findProtoLock } from './proto-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'lintel-lock-'))
const service = { migrations: pathToFileURL(`${folder}/migrations/`) }
afterEach(() => rmSync(join(folder, 'proto.lock.json'), { force: true }))

test('a service without a lock has none', () => {
  expect(findProtoLock(service)).toBeUndefined()
})

test('a lock is read from beside the migrations', () => {
  const lock = { 'a.v1.B': { fields: { c: 'string = 1', d: 'repeated E = 2' }, reserved: { f: [3] } } }
  writeFileSync(join(folder, 'proto.lock.json'), JSON.stringify(lock))
  expect(findProtoLock(service)).toEqual(lock)
})

test.each([
  ['{', /is not JSON: take it from version control/],
  ['[1]', /must have "fields" in "0"/],
  ['null', /must be an object/],
  ['{"a.v1.B":{}}', /must have "fields" in "a.v1.B"/],
  ['{"a.v1.B":{"fields":{"c":"string 1"}}}', /has the entry "string 1": expected one like "string = 4"/],
  ['{"a.v1.B":{"fields":{"c":"string = 1","d":"bool = 1"}}}', /has the number 1 twice in "a.v1.B"/],
  ['{"a.v1.B":{"fields":{"c":"string = 1"},"reserved":{"d":[1]}}}', /has the number 1 twice/],
  ['{"a.v1.B":{"fields":{},"reserved":{"d":["x"]}}}', /has "x" among the reserved numbers/],
])('a damaged lock is a Fault that names the place: %s', (text, message) => {
  writeFileSync(join(folder, 'proto.lock.json'), text)
  expect(() => findProtoLock(service)).toThrow(message)
})
