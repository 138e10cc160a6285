import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { filesLeft, settleFiles } from './generated-files.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lintel-generated-'))
  writeFileSync(join(folder, 'file'), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a folder that is a file is rejected in one sentence, when it is looked through and when it is written to', () => {
  const out = join(folder, 'file')
  const files = [{ path: join(out, 'v1.json'), text: '{}' }]
  expect(() => filesLeft(out, /./, files)).toThrow(`--out is ${out}, which is a file: give a folder`)
  expect(() => settleFiles(files, { command: 'openapi', check: false, left: [] })).toThrow(
    `${out}/v1.json cannot be written (EEXIST): --out must be a folder to write to`,
  )
})

test('a folder that is not there has no files', () => {
  expect(filesLeft(join(folder, 'none'), /./, [])).toEqual([])
})
