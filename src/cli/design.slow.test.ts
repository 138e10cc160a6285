import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { cleanDocument } from '../../test/design/clean-document.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-design-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Outcome {
  code: number
  stdout: string
  stderr: string
}

function lintel(args: string[], given: Record<string, string> = {}): Promise<Outcome> {
  const env = { PATH: process.env.PATH, ...given }
  const node = ['--conditions=lintel-source', '--import', import.meta.resolve('tsx'), main, ...args]
  return new Promise((resolve) => {
    execFile(process.execPath, node, { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

describe('lintel lint', () => {
  const verb = () => {
    const document = cleanDocument()
    Object.assign(document.paths, { '/books/{id}/cancel': document.paths['/books/{id}'] })
    return stringify(document, { aliasDuplicateObjects: false })
  }

  test('ends with 0 for a document that is clean, and says so', async () => {
    await write({ 'clean.json': JSON.stringify(cleanDocument()) })
    const { code, stdout, stderr } = await lintel(['lint', 'clean.json'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^clean\.json: clean \(\d\.\d s\)\n$/)
  })

  test('ends with 1 for errors, as text, JSON and SARIF', async () => {
    await write({ 'verb.yaml': verb() })
    const text = await lintel(['lint', 'verb.yaml'])
    expect(text.code).toBe(1)
    expect(text.stdout).toContain('/books/{id}/cancel has the verb "cancel" in its path')
    expect(text.stdout).not.toContain('\u001b')
    const json = await lintel(['lint', 'verb.yaml', '--format', 'json'])
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout).findings[0]).toMatchObject({ file: 'verb.yaml', rule: expect.stringMatching(/^R-/) })
    const sarif = await lintel(['lint', 'verb.yaml', '--format', 'sarif'])
    expect(JSON.parse(sarif.stdout).version).toBe('2.1.0')
  })

  test('goes by lintel-lint.yaml of its folder, and by --config', async () => {
    await write({
      'a/verb.yaml': verb(),
      'off.yaml': 'ignore:\n  - { path: "/books/*/cancel", reason: old }\nrules: { R-P-2/operation-id: off }\n',
    })
    expect((await lintel(['lint', 'a/verb.yaml', '--config', 'off.yaml'])).code).toBe(0)
    await write({ 'lintel-lint.yaml': 'rules: { R-REST-1/verbs: off }\n' })
    expect(await lintel(['lint', 'a/verb.yaml'])).toMatchObject({
      code: 2,
      stderr:
        'lintel: lintel-lint.yaml: rules names the unknown rule "R-REST-1/verbs": did you mean R-REST-1/verb? (WRONG_ARGUMENT)\n',
    })
    await rm(join(folder, 'lintel-lint.yaml'))
  })

  test.each([
    ['swagger.json', '{"swagger":"2.0"}', 'swagger.json seems to be Swagger 2.0: convert it to OpenAPI 3 first'],
    ['page.html', '<!doctype html><p>hi', 'page.html seems to be an HTML page: save the document itself'],
    ['events.yaml', 'asyncapi: 3.0.0', 'events.yaml seems to be AsyncAPI: `lintel lint` reads OpenAPI 3'],
    ['empty.yaml', '', 'empty.yaml seems to be empty: give an OpenAPI 3.0 or 3.1 document'],
    ['broken.json', '{"openapi": "3.1.0",', 'broken.json is neither JSON nor YAML: '],
    ['broken.yaml', 'openapi: 3.1.0\n\tpaths: {}', 'broken.yaml is neither JSON nor YAML: '],
  ])('ends with 2 for %s, and says in one sentence what it is', async (name, text, message) => {
    await write({ [name]: text })
    const { code, stdout, stderr } = await lintel(['lint', name])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`lintel: ${message}`)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('ends with 2 without a file, for one that is not there, and for a format that it does not know', async () => {
    expect(await lintel(['lint'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('give an OpenAPI 3 document'),
    })
    expect(await lintel(['lint', 'none.yaml'])).toMatchObject({
      code: 2,
      stderr: 'lintel: none.yaml does not exist (WRONG_ARGUMENT)\n',
    })
    expect((await lintel(['lint', 'clean.json', '--format', 'xml'])).code).toBe(2)
  })
})
