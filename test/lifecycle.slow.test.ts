import { readFile, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { connect as connectSocket, createServer } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { connect, urlFor } from '../src/data/connection.ts'
import { processesNaming } from '../src/embedded/processes.ts'
import { findRunningPostgres } from '../src/embedded/running.ts'
import { clusterName, launcher, noPostgres, post, type SystemProcess, until } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

const { launch, folder } = launcher()
let dataDir: string
beforeAll(async () => {
  dataDir = await folder()
})

function register(url: string, email: string): Promise<Response> {
  return post(`${url}/users`, { email, name: 'Ann', password: 'correct horse battery staple' })
}

/** Holds up every registration until it is released; `waiting` tells once one has come as far as that. */
async function holdRegistrations() {
  const client = await connect(urlFor((await findRunningPostgres(dataDir))!, 'lintel_users'))
  await client.query('begin')
  await client.query('lock table users in share mode')
  return {
    waiting: () => until(async () => (await client.query('select from pg_locks where not granted')).rowCount! > 0),
    release: () => client.end(),
  }
}

/** Neither node nor npm nor PostgreSQL. */
async function expectNothingLeft(system: SystemProcess) {
  // The compiler that tsx keeps beside node hears of the end a moment later.
  await until(() => !system.lives)
  expect(processesNaming((await clusterName(dataDir))!)).toEqual([])
}

describe('R-OPS-2: the end', () => {
  test.each([
    ['npm', 'SIGTERM', 'to npm'],
    ['lintel', 'SIGTERM', 'to the node process'],
    ['npm', 'SIGTERM', 'to the process group'],
    ['npm', 'SIGINT', 'to the process group'],
  ] as const)('%s, %s %s: readiness first, then what is under way, then exit 0 with nothing left', async (...of) => {
    const [program, signal, whom] = of
    const args = program === 'lintel' ? ['start'] : []
    const system = launch(program, { args, env: { LINTEL_DATA_DIR: dataDir, SHUTDOWN_TIMEOUT: '20' } })
    const url = await system.url()
    const hold = await holdRegistrations()
    const registered = register(url, `${crypto.randomUUID()}@example.com`)
    await hold.waiting()

    if (whom === 'to the process group') system.signalGroup(signal)
    else system.child.kill(signal)
    await system.line(new RegExp(`${signal}: draining`))
    if (signal === 'SIGTERM') {
      // The process that logs the line is not always the one that answers: `lintel dev` and workers hear of it a moment later.
      await until(async () => (await fetch(`${url}/health/ready`)).status === 503)
      expect(await (await fetch(`${url}/health/ready`)).json()).toEqual({ status: 'draining' })
      expect((await fetch(`${url}/health/live`)).status).toBe(200)
    }
    await until(() => refused(url))
    expect(system.lives).toBe(true)

    await hold.release()
    expect((await registered).status).toBe(201)
    expect(await system.ended).toMatchObject({ code: 0, stderr: '' })
    await expectNothingLeft(system)
  })

  test('a request that does not end in time is cut, and SHUTDOWN_TIMEOUT is the end', async () => {
    const system = launch('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: dataDir, SHUTDOWN_TIMEOUT: '2' } })
    const url = await system.url()
    const hold = await holdRegistrations()
    const registered = register(url, 'bea@example.com').catch((error) => error)
    await hold.waiting()
    system.child.kill('SIGTERM')
    expect(await registered).toBeInstanceOf(Error)
    const { code, stdout } = await system.ended
    expect(code).toBe(1)
    expect(stdout).toContain('closed 1 connection whose requests did not finish')
    expect(stdout).toContain('shutdown not finished after 2 s (SHUTDOWN_TIMEOUT)')
    await hold.release().catch(() => {})
  })

  test('a signal during the start gives it up', async () => {
    const waiting = launch('npm', { env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/postgres' } })
    await waiting.line(/can't be reached/)
    waiting.child.kill('SIGTERM')
    expect(await waiting.ended).toMatchObject({ code: 0, stderr: '' })
    await until(() => !waiting.lives)

    const fresh = await folder()
    const making = launch('npm', { env: { LINTEL_DATA_DIR: fresh } })
    await making.line(/made a PostgreSQL 18 cluster/)
    making.child.kill('SIGTERM')
    expect(await making.ended).toMatchObject({ code: 0, stderr: '' })
    await noPostgres(fresh)
  })

  test.each(['SIGTERM', 'SIGINT'])(
    'FC-118: %s before anything is loaded ends it as a drained stop does',
    async (signal) => {
      // Before tsx: the earliest that code of ours can be there.
      const itself = `--import=data:text/javascript,process.kill(process.pid,%22${signal}%22)`
      const start = launch('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: dataDir, NODE_OPTIONS: itself } })
      expect(await start.ended).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
      // A command that drains nothing has not done what it was called for.
      const migrate = launch('lintel', { args: ['migrate'], env: { LINTEL_DATA_DIR: dataDir, NODE_OPTIONS: itself } })
      expect(await migrate.ended).toEqual({ code: null, signal, stdout: '', stderr: '' })
    },
  )

  test.each(['npm', 'lintel'] as const)('FC-118: SIGINT to %s under load cuts no kept connection', async (program) => {
    const args = program === 'lintel' ? ['start'] : []
    const system = launch(program, { args, env: { LINTEL_DATA_DIR: dataDir } })
    const url = await system.url()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const answered = () =>
      new Promise<string | undefined>((resolve, reject) => {
        get(`${url}/health/live`, { agent }, (response) => {
          response.resume().once('end', () => resolve(response.headers.connection))
        }).once('error', reject)
      })
    expect(await answered()).toBe('keep-alive')
    // One after the other, on one connection, until it is asked to close.
    const load = (async () => {
      while ((await answered()) !== 'close');
    })()
    if (program === 'npm') system.signalGroup('SIGINT')
    else system.child.kill('SIGINT')
    await load
    expect((await system.ended).code).toBe(0)
    agent.destroy()
  })

  test('FC-85: a start and a stop log no warning: connections end before their server', async () => {
    const system = launch('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: dataDir } })
    const url = await system.url()
    expect((await register(url, `${crypto.randomUUID()}@example.com`)).status).toBe(201)
    system.child.kill('SIGTERM')
    const { code, stdout } = await system.ended
    expect(code).toBe(0)
    expect(stdout.split('\n').filter((line) => JSON.parse(line).level > 30)).toEqual([])
    await expectNothingLeft(system)
  })

  test('FC-82: a start that fails late undoes all it has begun, and nothing keeps the process', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    // So that the process ends for want of something to do, and not because it is told to.
    const byItself = '--import=data:text/javascript,process.exit=(code)=>{process.exitCode=code}'
    const env = { LINTEL_DATA_DIR: dataDir, PORT: String(port), NODE_OPTIONS: byItself }
    const system = launch('lintel', { args: ['start'], env })
    expect(await system.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('(PORT_TAKEN)') })
    taken.close()
    await expectNothingLeft(system)
  })

  test('an error that nobody caught is logged, and ends the system with 1', async () => {
    const file = join(await folder(), 'system.mts')
    const reference = JSON.stringify(new URL('../system.ts', import.meta.url).href)
    await writeFile(
      file,
      `export { default } from ${reference}\nprocess.on('SIGUSR2', () => { throw new Error('a bug') })\n`,
    )
    const system = launch('lintel', { args: ['--system', file, 'start'], env: { LINTEL_DATA_DIR: dataDir } })
    await system.url()
    system.child.kill('SIGUSR2')
    expect(await system.ended).toMatchObject({ code: 1, stderr: '' })
    expect(JSON.parse(system.lines.at(-1)!)).toMatchObject({ level: 60, err: { message: 'a bug' } })
  })

  test('an embedded server that is gone is said, with its last lines, and ends the system with 1', async () => {
    const system = launch('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: dataDir } })
    await system.url()
    const pid = Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0])
    process.kill(pid, 'SIGKILL')
    expect(await system.ended).toMatchObject({ code: 1 })
    expect((await system.line(/"level":60.*/))[0]).toMatch(/The embedded PostgreSQL ended by itself \(signal SIGKILL\)/)
  })
})

function refused(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(Number(new URL(url).port), '127.0.0.1')
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true))
    socket.once('connect', () => socket.destroy())
  })
}
