import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { serverAccount } from './account.ts'
import { findBinaries, findBuild } from './binaries.ts'
import { thisMachine } from './machine.ts'
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from './postgres.ts'

const machine = thisMachine()
const asRoot = machine.uid === 0

let home: string
const running: EmbeddedPostgres[] = []

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lt-embedded-'))
})
afterEach(async () => {
  for (const postgres of running.splice(0)) await postgres.stop()
})
afterAll(() => rm(home, { recursive: true, force: true }))

/** Not durable unless asked, and mostly on one folder, since making a cluster takes longer than all the rest. */
async function start(name: string, options: Partial<EmbeddedOptions> = {}, on = machine) {
  const postgres = await startEmbeddedPostgres({ dataDir: join(home, name), durable: false, ...options }, on)
  running.push(postgres)
  return postgres
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function setting(postgres: EmbeddedPostgres, name: string): Promise<unknown> {
  return (await query(postgres.url, `select current_setting('${name}') as value`))[0]!.value
}

describe('a start', () => {
  test('makes a database in UTF-8, with the builtin locale, on UTC', async () => {
    const postgres = await start('fresh', { durable: true })
    const [row] = await query(
      postgres.url,
      `select pg_encoding_to_char(encoding) as encoding, datlocprovider as provider, datlocale as locale,
              current_setting('TimeZone') as zone, current_user as user, current_setting('fsync') as fsync
         from pg_database where datname = current_database()`,
    )
    expect(row).toEqual({
      encoding: 'UTF8',
      provider: 'b',
      locale: 'C.UTF-8',
      zone: 'UTC',
      user: 'postgres',
      fsync: 'on',
    })
  })

  test('keeps the data over a stop, and stop may be called again', async () => {
    const first = await start('common')
    await query(first.url, `create table kept as select 'here' as word`)
    await Promise.all([first.stop(), first.stop()])
    await first.stop()
    await expect(query(first.url, 'select 1')).rejects.toThrow()

    const second = await start('common')
    expect(await query(second.url, 'select word from kept')).toEqual([{ word: 'here' }])
  })

  test('takes settings, and without durability it spares the disk', async () => {
    const postgres = await start('common', { settings: { work_mem: '7MB', listen_addresses: '*' } })
    expect(await setting(postgres, 'work_mem')).toBe('7MB')
    expect(await setting(postgres, 'max_connections')).toBe('200')
    expect(await setting(postgres, 'fsync')).toBe('off')
    expect(await setting(postgres, 'listen_addresses')).toBe('')
  })

  test('a bad setting fails the start with the words of the server, and the folder is free again', async () => {
    const refused = start('common', { settings: { shared_buffers: 'plenty' } })
    await expect(refused).rejects.toMatchObject({
      code: 'EMBEDDED_START_FAILED',
      message: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"'),
    })
    await start('common')
  })

  test('the url can be changed with URL, for another database', async () => {
    const postgres = await start('common')
    await query(postgres.url, 'create database other')
    const url = new URL(postgres.url)
    url.pathname = '/other'
    expect(await query(url.href, 'select current_database() as name')).toEqual([{ name: 'other' }])
  })
})

describe('who may connect', () => {
  test('only who has the password, through a socket in a folder of mode 0700', async () => {
    const postgres = await start('common')
    const { password, hostname } = new URL(postgres.url)
    const socketFolder = decodeURIComponent(hostname)
    expect((await stat(socketFolder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(postgres.dataDir, 'postgres', 'lintel.password'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(postgres.dataDir, 'postgres.log'))).mode & 0o777).toBe(0o600)
    expect(password).toMatch(/^[\w-]{32}$/)
    await expect(query(postgres.url.replace(password, 'guess'), 'select 1')).rejects.toThrow('password authentication')

    await postgres.stop()
    await expect(stat(socketFolder)).rejects.toThrow('ENOENT')
  })

  test('where a socket is not possible the server listens on loopback, with the same password', async () => {
    const tooLong = join(home, 'x'.repeat(100))
    await mkdir(tooLong)
    for (const socketRoots of [[], [tooLong], [join(home, 'missing')]]) {
      const postgres = await start('common', {}, { ...machine, socketRoots })
      const url = new URL(postgres.url)
      expect(url.hostname).toBe('127.0.0.1')
      expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
      url.password = 'guess'
      await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication')
      await postgres.stop()
    }
  })
})

describe('one server on a data folder', () => {
  test('R-OPS-4: a second start on one data folder is refused within a second and names the holder', async () => {
    const postgres = await start('common')
    await symlink(postgres.dataDir, join(home, 'common-link'))
    const begun = performance.now()
    for (const name of ['common', 'common-link']) {
      await expect(start(name)).rejects.toMatchObject({
        code: 'DATA_DIR_IN_USE',
        exitCode: 78,
        message: expect.stringContaining(`process ${process.pid}`),
      })
    }
    expect(performance.now() - begun).toBeLessThan(1_000)
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('of starts at the same moment exactly one goes on', async () => {
    const starts = await Promise.allSettled(Array.from({ length: 5 }, () => start('at-once')))
    const refused = starts.filter((result) => result.status === 'rejected')
    expect(refused.map((result) => result.reason.code)).toEqual(Array(4).fill('DATA_DIR_IN_USE'))
    expect(await query(running[0]!.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('a server that is not ours to the end', () => {
  test('is told by `died`, and the next start recovers what was committed', async () => {
    const postgres = await start('killed', { durable: true })
    await query(postgres.url, 'create table kept as select 1 as one')
    process.kill(await serverPid(postgres), 'SIGKILL')
    expect(await postgres.died).toMatch(/ended by itself \(signal SIGKILL\).*postgres\.log/)
    await postgres.stop()
    expect(await query((await start('killed')).url, 'select one from kept')).toEqual([{ one: 1 }])
  })

  test('a stale postmaster.pid whose pid belongs to another process does not block, and that process lives on', async () => {
    const postgres = await start('common')
    const pidFile = join(postgres.dataDir, 'postgres', 'postmaster.pid')
    process.kill(await serverPid(postgres), 'SIGKILL')
    await postgres.died
    await postgres.stop()
    // Of the server's own account: PostgreSQL takes a process of another user for no server anyway.
    const account = await serverAccount(join(postgres.dataDir, 'postgres'), machine)
    const as = account ? { uid: account.uid, gid: account.gid } : {}
    const stranger = spawn('sleep', ['60'], { cwd: '/', ...as })
    await once(stranger, 'spawn')
    try {
      await writeFile(pidFile, (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(stranger.pid)))
      const again = await start('common')
      expect(await query(again.url, 'select 1 as one')).toEqual([{ one: 1 }])
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
    } finally {
      stranger.kill()
    }
  })

  test('a server that somebody started by hand is left alone, and its pid named', async () => {
    const postgres = await start('common')
    await postgres.stop()
    const folder = join(postgres.dataDir, 'postgres')
    const account = await serverAccount(folder, machine)
    const { pgCtl } = await findBinaries(await findBuild(machine), account, machine)
    // Under its plain name: the account must be able to get there.
    await chmod(home, 0o755)
    const as = { cwd: '/', ...(account ? { uid: account.uid, gid: account.gid } : {}) }
    const control = (...args: string[]) => spawnSync(pgCtl, [...args, '-w', '-D', folder], { ...as, stdio: 'ignore' })
    expect(control('start', '-o', '-c listen_addresses= -c unix_socket_directories=.').status).toBe(0)
    try {
      await expect(start('common')).rejects.toMatchObject({
        code: 'DATA_DIR_IN_USE',
        message: expect.stringContaining(`pid ${await serverPid(postgres)}`),
      })
    } finally {
      expect(control('stop').status).toBe(0)
      await chmod(home, 0o700)
    }
  })

  test('stop ends transactions that clients left open', async () => {
    const postgres = await start('common')
    const client = new Client(postgres.url)
    client.on('error', () => {}) // the server closes it
    await client.connect()
    await client.query('begin')
    const begun = performance.now()
    await postgres.stop()
    expect(performance.now() - begun).toBeLessThan(5_000)
    await client.end().catch(() => {})
  })
})

describe('a data folder that will not do', () => {
  test('made by another major version: says both versions and leaves it as it is', async () => {
    const cluster = join(home, 'old', 'postgres')
    await mkdir(cluster, { recursive: true })
    await writeFile(join(cluster, 'PG_VERSION'), '16\n')
    await expect(start('old')).rejects.toMatchObject({
      code: 'DATA_DIR_VERSION',
      message: expect.stringMatching(/PostgreSQL 16, the embedded one is 18.*DATABASE_URL/),
    })
    expect(await readdir(cluster)).toEqual(['PG_VERSION'])
  })

  test('with something else under the name of the cluster: refused and left alone', async () => {
    const cluster = join(home, 'other', 'postgres')
    await mkdir(cluster, { recursive: true })
    await writeFile(join(cluster, 'notes.txt'), 'mine')
    await expect(start('other')).rejects.toMatchObject({
      code: 'EMBEDDED_START_FAILED',
      message: expect.stringContaining('not a PostgreSQL cluster'),
    })
    expect(await readdir(cluster)).toEqual(['notes.txt'])
  })

  test('that is a file: DATA_DIR_UNWRITABLE', async () => {
    await writeFile(join(home, 'file'), '')
    await expect(start('file')).rejects.toMatchObject({
      code: 'DATA_DIR_UNWRITABLE',
      message: expect.stringContaining('LINTEL_DATA_DIR'),
    })
  })

  test('without its password: says which file is missing', async () => {
    const postgres = await start('forgotten')
    await postgres.stop()
    await rm(join(postgres.dataDir, 'postgres', 'lintel.password'))
    await expect(start('forgotten')).rejects.toMatchObject({
      code: 'EMBEDDED_START_FAILED',
      message: expect.stringContaining('lintel.password'),
    })
  })
})

describe.skipIf(!asRoot)('started by root', () => {
  test('the server runs under an unprivileged account', async () => {
    const postgres = await start('common')
    const { uid } = await stat(`/proc/${await serverPid(postgres)}`)
    expect(uid).not.toBe(0)
    expect((await stat(join(postgres.dataDir, 'postgres'))).uid).toBe(uid)
  })

  test('a data folder that this account can not reach works all the same, and holds the data', async () => {
    const closed = join(home, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const postgres = await start('closed/below/data')
    await query(postgres.url, 'create table kept as select 1 as one')
    expect(await setting(postgres, 'data_directory')).toBe('/proc/self/cwd')
    await postgres.stop()
    // Opened, the same folder is used by its plain name.
    await chmod(home, 0o755)
    await chmod(closed, 0o755)
    const again = await start('closed/below/data')
    expect(await setting(again, 'data_directory')).toBe(join(again.dataDir, 'postgres'))
    expect(await query(again.url, 'select one from kept')).toEqual([{ one: 1 }])
    await chmod(home, 0o700)
  })

  test('a cluster keeps its owner', async () => {
    const nobody = join(home, 'passwd')
    await writeFile(nobody, 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n')
    const first = await start('owned', {}, { ...machine, passwdFile: nobody })
    expect((await stat(`/proc/${await serverPid(first)}`)).uid).toBe(65534)
    await first.stop()
    const second = await start('owned')
    expect((await stat(`/proc/${await serverPid(second)}`)).uid).toBe(65534)
  })

  test('without an unprivileged account: EMBEDDED_UNSUPPORTED', async () => {
    const nobodyThere = start('alone', {}, { ...machine, passwdFile: '/dev/null' })
    await expect(nobodyThere).rejects.toMatchObject({
      code: 'EMBEDDED_UNSUPPORTED',
      message: expect.stringContaining('DATABASE_URL'),
    })
  })
})

async function serverPid(postgres: EmbeddedPostgres): Promise<number> {
  return Number.parseInt(await readFile(join(postgres.dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10)
}
