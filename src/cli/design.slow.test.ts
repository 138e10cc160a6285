import { execFile, execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { cleanDocument } from '../../test/design/clean-document.ts'
import { object, read, rest } from '../../test/design/small-documents.ts'

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

describe('lintel diff', () => {
  const TEXT = { type: 'string' }
  const before = read(object({ id: TEXT, total: TEXT })).text
  const without = read(object({ id: TEXT })).text
  const more = read(object({ id: TEXT, total: TEXT, note: TEXT })).text

  test('ends with 1 for what is broken, and says whom and why', async () => {
    await write({ 'old.yaml': before, 'new.yaml': without })
    expect(await lintel(['diff', 'old.yaml', 'new.yaml'])).toEqual({
      code: 1,
      stderr: '',
      stdout:
        'breaking POST /orders 201 total is gone\n' +
        '    breaks clients that read: Clients that read it find nothing.\n' +
        '    old.yaml:19:19 (old)  read-property-removed\n\n' +
        '1 breaking, 0 risky, 0 compatible\n',
    })
    const json = await lintel(['diff', 'old.yaml', 'new.yaml', '--format', 'json'])
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout).changes).toMatchObject([
      { kind: 'read-property-removed', verdict: 'breaking', whom: 'clients that read', side: 'old' },
    ])
  })

  test('writes SARIF whose results name their rules', async () => {
    await write({ 'old.yaml': before, 'new.yaml': without })
    const { code, stdout } = await lintel(['diff', 'old.yaml', 'new.yaml', '--format', 'sarif'])
    const [{ tool, results }] = JSON.parse(stdout).runs
    expect(code).toBe(1)
    expect(results).toMatchObject([{ ruleId: 'read-property-removed', level: 'error' }])
    expect(tool.driver.rules[results[0].ruleIndex].id).toBe('read-property-removed')
  })

  test('ends with 0 for what is compatible, and for risky unless it is to fail on that', async () => {
    await write({
      'old.yaml': before,
      'new.yaml': more,
      'renamed.yaml': rest({ operationId: 'b' }).text,
      'same.yaml': rest().text,
    })
    expect(await lintel(['diff', 'old.yaml', 'new.yaml'])).toMatchObject({
      code: 0,
      stdout: '0 breaking, 0 risky, 1 compatible\n',
    })
    expect((await lintel(['diff', 'old.yaml', 'new.yaml', '--all'])).stdout).toContain(
      'compatible POST /orders 201 note is new',
    )
    expect((await lintel(['diff', 'same.yaml', 'renamed.yaml'])).code).toBe(0)
    expect((await lintel(['diff', 'same.yaml', 'renamed.yaml', '--fail-on', 'risky'])).code).toBe(1)
  })

  test('lets changes through that lintel-diff.yaml accepts with a reason', async () => {
    await write({ 'old.yaml': before, 'new.yaml': without })
    const accept = (reason: string) =>
      `accept:\n  - { change: read-property-removed, where: "POST /orders 201 *", reason: "${reason}" }\n`
    await write({ 'accepted.yaml': accept('nobody asks for it'), 'lax.yaml': accept('') })
    expect(await lintel(['diff', 'old.yaml', 'new.yaml', '--accept', 'accepted.yaml'])).toMatchObject({
      code: 0,
      stdout: 'no changes, 1 accepted\n',
    })
    expect(await lintel(['diff', 'old.yaml', 'new.yaml', '--accept', 'lax.yaml'])).toMatchObject({
      code: 2,
      stderr: 'lintel: lax.yaml: accept[0] has no reason: say why, in a sentence (WRONG_ARGUMENT)\n',
    })
  })

  test('compares systems and contracts by all their documents', async () => {
    const root = fileURLToPath(new URL('../../', import.meta.url))
    expect(await lintel(['diff', join(root, 'system.ts'), join(root, 'system.ts')])).toMatchObject({
      code: 0,
      stdout: 'no changes\n',
    })
    const contracts = ['orders', 'users'].map((name) => join(root, `services/${name}/contract.ts`))
    const { code, stdout } = await lintel(['diff', ...contracts])
    expect(code).toBe(1)
    expect(stdout).toContain('breaking GET /orders is gone')
    expect(stdout).toContain('breaking order.created is gone')
    expect(stdout).toContain('breaking proto/orders/v1/orders.proto is gone')
  })

  test('ends with 2 for wrong use, in one sentence', async () => {
    await write({
      'a.yaml': before,
      'a.sql': 'create table a (x text);',
      'page.html': '<html>',
      'v2.yaml': 'asyncapi: 2.6.0',
      'dir/a.yaml': before,
      'bad.proto': 'message {',
    })
    for (const [args, message] of [
      [['a.yaml'], 'give two documents, folders or modules, the old one first'],
      [['a.yaml', 'none.yaml'], 'none.yaml does not exist'],
      [['a.yaml', 'a.sql'], 'a.yaml is OpenAPI, and a.sql is SQL: give two of one kind'],
      [['a.yaml', 'page.html'], 'page.html seems to be an HTML page'],
      [['v2.yaml', 'v2.yaml'], 'v2.yaml is AsyncAPI 2.6.0: convert it to AsyncAPI 3'],
      [['a.yaml', 'dir'], 'dir is a folder, and a.yaml is not: give two of one kind'],
      [['bad.proto', 'bad.proto'], 'bad.proto is not protobuf: it '],
      [['--git', 'main'], 'give what to compare, such as contracts/'],
    ] as const) {
      const { code, stdout, stderr } = await lintel(['diff', ...args])
      expect({ code, stdout }, args.join(' ')).toEqual({ code: 2, stdout: '' })
      expect(stderr).toContain(message)
      expect(stderr.trim().split('\n')).toHaveLength(1)
    }
  })

  test('--git compares with what was committed where the branch began, as a gate in CI does', async () => {
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
        cwd: folder,
        stdio: 'pipe',
      })
    expect(await lintel(['diff', '--git', 'main', 'contracts/'])).toMatchObject({
      code: 2,
      stderr: 'lintel: --git needs a git repository here (WRONG_ARGUMENT)\n',
    })
    git('init', '-q', '-b', 'main')
    await write({ 'contracts/openapi/v1.yaml': before, 'contracts/README.md': 'x' })
    git('add', 'contracts')
    git('commit', '-qm', 'first')
    git('checkout', '-qb', 'mine')
    expect(await lintel(['diff', '--git', 'main', 'contracts/'])).toMatchObject({ code: 0, stdout: 'no changes\n' })
    // What others add to main since is no change of this branch.
    git('checkout', '-q', 'main')
    await write({ 'contracts/openapi/v1.yaml': more })
    git('commit', '-qam', 'theirs')
    git('checkout', '-q', 'mine')
    expect(await lintel(['diff', '--git', 'main', 'contracts/'])).toMatchObject({ code: 0, stdout: 'no changes\n' })
    // Committed or not.
    await write({ 'contracts/openapi/v1.yaml': without })
    const { code, stdout } = await lintel(['diff', '--git', 'main', 'contracts/'])
    expect(code).toBe(1)
    expect(stdout).toContain('openapi/v1.yaml:19:19 (old)  read-property-removed')
    await rm(join(folder, 'contracts'), { recursive: true })
    expect((await lintel(['diff', '--git', 'main', 'contracts/'])).stdout).toContain('breaking openapi/v1.yaml is gone')
    expect(await lintel(['diff', '--git', 'none', 'contracts/'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--git is "none", which is no branch, tag or commit here: fetch it first'),
    })
    expect((await lintel(['diff', '--git', 'main', 'elsewhere/'])).stderr).toContain('elsewhere/ is not at main')
  })
})
