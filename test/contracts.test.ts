import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { documentFiles } from '../src/cli/documents.ts'
import { filesLeft } from '../src/cli/generated-files.ts'
import { protoFiles } from '../src/cli/proto.ts'
import reference from '../system.ts'

/** What `lintel openapi`, `lintel asyncapi` and `lintel proto` write. */
const made = [
  ...documentFiles('openapi', reference, 'contracts/openapi'),
  ...documentFiles('asyncapi', reference, 'contracts/asyncapi'),
  ...protoFiles(reference, 'contracts/proto'),
]

describe('R-P-2: contracts/ is what the contracts of the reference system say', () => {
  test.each(made.map(({ path, text }) => [path, text]))('%s', async (path, text) => {
    const committed = await readFile(path, 'utf8').catch(() => undefined)
    // The files are long: a difference is for `git diff`.
    expect(committed === text, 'Run `npm run contracts` and commit what it writes.').toBe(true)
  })

  test('and nothing else', () =>
    expect(filesLeft('contracts', /./, made).filter((path) => /\.\w+$/.test(path))).toEqual([]))
})

test('the whole, and each service by itself, of every version', () => {
  expect(made.map(({ path }) => path).filter((path) => path.endsWith('.json') && path.startsWith('contracts'))).toEqual(
    [
      'contracts/openapi/v1.json',
      'contracts/openapi/v2.json',
      'contracts/openapi/users/v1.json',
      'contracts/openapi/users/v2.json',
      'contracts/openapi/orders/v1.json',
      'contracts/openapi/orders/v2.json',
      'contracts/asyncapi/events.json',
      'contracts/asyncapi/users/events.json',
      'contracts/asyncapi/orders/events.json',
    ],
  )
})
