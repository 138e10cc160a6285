import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** Runs the command line in a folder without a system. */
function lintel(args: string[], flags: string[] = [], given: Record<string, string> = {}): Promise<Outcome> {
  const env = { PATH: process.env.PATH, ...given }
  const node = ['--conditions=lintel-source', '--import', import.meta.resolve('tsx'), ...flags, main, ...args]
  return new Promise((resolve) => {
    execFile(process.execPath, node, { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

test('--version is the package’s', async () => {
  const { version } = createRequire(import.meta.url)('lintel/package.json')
  expect(await lintel(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

test('R-OPS-4: lintel config shows what the start would read, then what is wrong with it', async () => {
  const system = fileURLToPath(new URL('../../system.ts', import.meta.url))
  await writeFile(join(folder, '.env'), 'PORT=80x\nHOST=::1\nSTART_TIMEOUT=10s\nLOG_LEVEL=debug\n')
  const env = { NODE_ENV: 'development', HOST: '127.0.0.1', SMTP_URL: 'smtp://ann:hunter22@mail.example.com' }
  const text = await lintel(['config', '--system', system], [], env)
  expect(text).toMatchObject({ code: 78, stderr: expect.stringMatching(/^lintel: PORT is "80x": give a whole number/) })
  expect(text.stdout).not.toContain('hunter22')
  for (const line of [
    /^PORT +80x +\.env$/m,
    /^HOST +127\.0\.0\.1 +environment$/m,
    /^START_TIMEOUT +10s +\.env$/m,
    /^REQUEST_TIMEOUT +10 seconds +default$/m,
    /^ORDERS_DATABASE_URL +\(on DATABASE_URL\) +default$/m,
  ])
    expect(text.stdout).toMatch(line)
  // `.env` is read in development alone; without a system there are the settings of a gateway.
  const json = await lintel(['config', '--json'], [], { SMTP_URL: env.SMTP_URL })
  await rm(join(folder, '.env'))
  expect([json.code, json.stderr]).toEqual([0, './system.ts does not exist: settings of its services are left out\n'])
  expect(JSON.parse(json.stdout)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: 'PORT', value: '3000', source: 'default' }),
      expect.objectContaining({ name: 'SMTP_URL', value: 'smtp://ann:***@mail.example.com', source: 'environment' }),
      expect.objectContaining({ name: 'REQUEST_TIMEOUT', value: '10', unit: 'seconds' }),
    ]),
  )
})

describe('exit codes', () => {
  test.each([
    [['strat'], 'lintel: Unknown command "strat": did you mean `lintel start`? (UNKNOWN_COMMAND)'],
    [['launch'], 'lintel: Unknown command "launch", nor a system in ./system.ts; see lintel --help (UNKNOWN_COMMAND)'],
    [
      ['migrate', 'stauts'],
      'lintel: Unknown command "migrate stauts": did you mean `lintel migrate status`? (UNKNOWN_COMMAND)',
    ],
    [
      ['events', 'stauts'],
      'lintel: Unknown command "events stauts": did you mean `lintel events status`? (UNKNOWN_COMMAND)',
    ],
    [['start', '--prot', '80'], "lintel: Unknown option '--prot'; see lintel start --help (WRONG_ARGUMENT)"],
    [['dev', '--nowatch'], "lintel: Unknown option '--nowatch': did you mean --no-watch? (WRONG_ARGUMENT)"],
    [
      ['purge'],
      "lintel: Required option '--older-than <duration>' not specified; see lintel purge --help (WRONG_ARGUMENT)",
    ],
    [
      ['new', 'resource', 'books'],
      "lintel: Missing required argument 'name'; see lintel new resource --help (WRONG_ARGUMENT)",
    ],
    [
      ['new'],
      'lintel: lintel new needs one of its commands, service, resource; see lintel new --help (WRONG_ARGUMENT)',
    ],
    [['purge', '--older-than', 'long'], 'lintel: --older-than is "long": give a duration such as 30d or 12h'],
    [[], 'Usage: lintel'],
  ])('wrong usage is 2: lintel %j', async (args, message) => {
    const { code, stdout, stderr } = await lintel(args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
    if (args.length > 0) expect(stderr).toMatch(/^lintel: .*\n$/)
  })

  test('help is 0, on stdout', async () => {
    for (const args of [['--help'], ['purge', '--help'], ['help', 'start']]) {
      const { code, stdout, stderr } = await lintel(args)
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toMatch(/^Usage: lintel/)
      if (args[0] === '--help') expect(stdout).toMatch(/\nExit codes: 0 .*, 1 .*, 2 .*, 78 .*\.\n$/)
    }
  })

  test('the help of every command is 0, on stdout, and says what it does', async () => {
    const system = fileURLToPath(new URL('../../system.ts', import.meta.url))
    /** Asks for the help of a command, and of all that it names below itself. */
    async function helpOf(words: string[]): Promise<string[]> {
      const { code, stdout, stderr } = await lintel([...words, '--help'])
      expect([words, code, stderr]).toEqual([words, 0, ''])
      expect(stdout).toMatch(new RegExp(`^Usage: lintel ?${words.join(' ')} .*\n\n\\S.+\n`))
      const [, list = ''] = /\nCommands:\n(.*)/s.exec(stdout) ?? []
      const below = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name!).filter((name) => name !== 'help')
      return [words.join(' '), ...(await Promise.all(below.map((name) => helpOf([...words, name])))).flat()]
    }
    const own = await helpOf([])
    expect(own).toEqual(expect.arrayContaining(['start', 'dev', 'migrate', 'purge', 'events dead drop', 'gateway']))
    for (const words of ['mails', 'users create', 'keys rotate']) {
      const outcome = await lintel([...words.split(' '), '--help', '--system', system])
      expect(outcome).toMatchObject({ code: 0, stderr: '' })
      expect(outcome.stdout).toMatch(new RegExp(`^Usage: lintel ${words} .*\n\n\\S.+\n`))
      expect(await lintel(['help', ...words.split(' '), '--system', system])).toEqual(outcome)
    }
    expect(await lintel(['mailz', '--help', '--system', system])).toMatchObject({ code: 2, stdout: '' })
  }, 180_000)

  test('no system is 78, and says what to do', async () => {
    expect(await lintel(['start'])).toEqual({
      code: 78,
      stdout: '',
      stderr:
        'lintel: ./system.ts does not exist: write one with `export default system({ services })`, or name it with --system (NO_SYSTEM)\n',
    })
    await writeFile(join(folder, 'empty.mts'), 'export const services = []\n')
    expect(await lintel(['--system', 'empty.mts', 'start'])).toMatchObject({
      code: 78,
      stderr:
        'lintel: The default export of empty.mts is not a system: write `export default system({ services })` (NO_SYSTEM)\n',
    })
  })
})

describe('FC-86: --system stands before or after a command', () => {
  const missing = './other.mts does not exist'
  test.each([
    'start',
    'dev',
    'migrate',
    'purge --older-than 30d',
    'events status',
    'events dead list',
    'users create --email ann@example.com',
  ])('%s', async (text) => {
    const words = text.split(' ')
    for (const args of [
      ['--system', './other.mts', ...words],
      [...words, '--system', './other.mts'],
      [...words, '--system=./other.mts'],
    ]) {
      const { stderr } = await lintel(args)
      // A command that may be a service's is unknown without its system.
      expect(stderr).toMatch(words[0] === 'users' ? 'nor a system in ./other.mts' : missing)
    }
  })

  test('the help of each command names it', async () => {
    for (const args of [['--help'], ['start', '--help'], ['migrate', '--help'], ['events', 'dead', 'list', '--help']])
      expect((await lintel(args)).stdout).toContain('--system <file>')
    expect((await lintel(['gateway', '--help'])).stdout).not.toContain('--system')
  })
})

test('help waits for no driver: neither pg nor pino is loaded', async () => {
  const report = `import { createRequire } from 'node:module'
    const { cache } = createRequire(${JSON.stringify(main)})
    process.on('exit', () => console.error(Object.keys(cache).map((file) => file.split('node_modules/')[1]).join(' ')))`
  const flags = ['--import', `data:text/javascript,${encodeURIComponent(report)}`]
  const loaded = async (...args: string[]) => (await lintel(args, flags)).stderr
  const help = await loaded('--help')
  expect(help).toMatch(/commander\//)
  expect(help).not.toMatch(/\b(pg|pino|jose)\//)
  // So it would show if they were.
  const start = await loaded('start')
  expect(start).toMatch(/\bpg\//)
  expect(start).toMatch(/\bpino\//)
})
