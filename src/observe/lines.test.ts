import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync, type writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { until } from '../../test/system-process.ts'
import { type Access, createAccessLog } from './access-log.ts'
import { createLines } from './lines.ts'
import { createLog } from './log.ts'

const folder = mkdtempSync(join(tmpdir(), 'lt-lines-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function newFile() {
  const path = join(folder, `${files++}.log`)
  return { fd: openSync(path, 'w'), text: () => readFileSync(path, 'utf8') }
}

/** Stands for the operating system: writes what `accept` lets through, byte by byte if it wants to. */
function descriptor(accept: (bytes: Buffer) => number) {
  const writes: string[] = []
  const write = (_: number, bytes: Buffer, from: number) => {
    const left = bytes.subarray(from)
    const taken = accept(left)
    writes.push(left.toString('utf8', 0, taken))
    return taken
  }
  return { lines: createLines(-1, { writeTo: write as typeof writeSync }), writes }
}
const failure = (code: string) => Object.assign(new Error(code), { code })

test('R-OPS-3: gathered lines are one write, within 20 ms', async () => {
  const { lines, writes } = descriptor((bytes) => bytes.length)
  for (const line of ['a', 'b', 'c']) lines.gather(`${line}\n`)
  expect(writes).toEqual([])
  await until(() => writes.length > 0)
  expect(writes).toEqual(['a\nb\nc\n'])
})

test('R-OPS-3: a line that is written at once comes after those that were gathered before it', () => {
  const { lines, writes } = descriptor((bytes) => bytes.length)
  lines.gather('request\n')
  lines.write('error\n')
  lines.write('more\n')
  expect(writes).toEqual(['request\nerror\n', 'more\n'])
})

test('R-OPS-3: what is gathered is bounded', () => {
  const { lines, writes } = descriptor((bytes) => bytes.length)
  const line = `${'x'.repeat(99)}\n`
  for (let i = 0; i < 1_000; i++) lines.gather(line)
  expect(writes.length).toBeGreaterThan(5)
  expect(100_000 - writes.join('').length).toBeLessThan(16_384)
})

test('R-OPS-3: a write that takes only a part is continued where it ended', () => {
  const { lines, writes } = descriptor((bytes) => Math.min(bytes.length, 6))
  lines.write('Grüße aus Ulm\n')
  expect(writes).toEqual(['Grüß', 'e aus ', 'Ulm\n'])
})

test('R-OPS-3: lines that a full disk does not take are dropped, and counted in a line once it takes some', () => {
  let isFull = true
  const { lines, writes } = descriptor((bytes) => {
    if (isFull) throw failure('ENOSPC')
    return bytes.length
  })
  lines.gather('one\n')
  lines.write('two\n')
  lines.write('three\n')
  isFull = false
  lines.write('four\n')
  lines.write('five\n')
  const [notice, four] = writes[0]!.split('\n')
  expect(JSON.parse(notice!)).toMatchObject({ level: 50, dropped: 3, msg: 'log lines could not be written' })
  expect([four, ...writes.slice(1)]).toEqual(['four', 'five\n'])
})

test('R-OPS-3: once the reader has gone nothing is written any more, and nothing fails', () => {
  let asked = 0
  const { lines } = descriptor(() => {
    asked++
    throw failure('EPIPE')
  })
  lines.write('one\n')
  lines.write('two\n')
  expect(asked).toBe(1)
})

test('R-OPS-3: lines of requests and of the log on one descriptor come out in the order in which they were given', async () => {
  const file = newFile()
  const log = await createLog('info', { fd: file.fd })
  const write = createAccessLog('all', log, file.fd)!
  for (let i = 0; i < 50; i++) {
    write({ ...ACCESS, requestId: `${i}` })
    if (i % 7 === 0) log.error({ requestId: `${i}` }, 'failed')
  }
  log.info('end')
  const lines = file
    .text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.filter(({ msg }) => msg === 'request').map(({ requestId }) => Number(requestId))).toEqual([
    ...Array(50).keys(),
  ])
  for (const [i, { msg, requestId }] of lines.entries())
    if (msg === 'failed') expect(lines[i - 1]).toMatchObject({ msg: 'request', requestId })
})

const ACCESS: Access = {
  method: 'GET',
  template: '/orders/{id}',
  status: 200,
  ms: 1.25,
  caller: undefined,
  requestId: 'req_1',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
}

test('R-OPS-3: whatever a template and a caller consist of, a line is JSON that says them', async () => {
  const text = fc.string({ unit: 'binary' })
  const file = newFile()
  const log = await createLog('info', { fd: file.fd })
  const write = createAccessLog('all', log, file.fd)!
  const given: Access[] = []
  fc.assert(
    fc.property(fc.option(text, { nil: undefined }), fc.option(text, { nil: undefined }), (template, caller) => {
      given.push({ ...ACCESS, template, caller })
      write(given.at(-1)!)
    }),
  )
  log.info('end')
  const lines = file.text().split('\n').slice(0, given.length)
  expect(lines.map((line) => JSON.parse(line))).toEqual(
    given.map(({ template, caller }) => {
      const known = { ...(template !== undefined && { template }), ...(caller !== undefined && { caller }) }
      const { method, status, requestId, traceId } = ACCESS
      return {
        level: 30,
        time: expect.any(String),
        method,
        status,
        ms: 1.3,
        requestId,
        traceId,
        msg: 'request',
        ...known,
      }
    }),
  )
})

const LINES = JSON.stringify(new URL('./lines.ts', import.meta.url).href)
const SOURCE = new URL('../../test/source/register.mjs', import.meta.url).href

/** Runs a program whose stdout is a pipe. */
function run(program: string) {
  const source = `import { linesOn } from ${LINES}\nconst lines = linesOn(1)\n${program}`
  const args = ['--import', SOURCE, '--input-type=module', '-e', source]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function outputOf(child: ReturnType<typeof run>): Promise<string> {
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  await once(child, 'close')
  return text
}

const GATHER = `for (let i = 0; i < 10; i++) lines.gather(i + '\\n')`
const GATHERED = '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n'

test.each([
  ['process.exit', `${GATHER}; process.exit(3)`],
  ['the end of the program', GATHER],
  ['an exception that nobody catches', `${GATHER}; throw new Error('oops')`],
  ['a rejection that nobody handles', `${GATHER}; await Promise.reject(new Error('oops'))`],
  [
    'SIGTERM',
    `process.once('SIGTERM', () => process.exit(0)); ${GATHER}; process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 60_000)`,
  ],
])('R-OPS-3: no gathered line is lost at %s', async (_, program) => {
  expect(await outputOf(run(program))).toBe(GATHERED)
})

test('R-OPS-3: a pipe that is read slowly makes the writer wait: no line is lost, and none piles up in memory', async () => {
  // A socket of its own on it makes the descriptor answer EAGAIN when the pipe is full, as a shared one may do.
  const child = run(`
    import { Socket } from 'node:net'
    new Socket({ fd: 1, readable: false }).unref()
    const before = process.memoryUsage().rss
    for (let i = 0; i < 40_000; i++) lines.gather(String(i).padEnd(999) + '\\n')
    lines.write('grew by ' + (process.memoryUsage().rss - before) + '\\n')
    process.exit(0)`)
  child.stdout.pause()
  await once(child.stdout, 'readable')
  expect(child.exitCode).toBe(null)
  const lines = (await outputOf(child)).trimEnd().split('\n')
  const grew = Number(/^grew by (\d+)$/.exec(lines.pop()!)![1])
  expect(lines.map(Number)).toEqual([...Array(40_000).keys()])
  expect(grew).toBeLessThan(30_000_000)
})

test('where other processes write to the same pipe, each write is whole lines of at most 4,096 bytes', () => {
  const written: string[] = []
  const writeTo = (_fd: number, bytes: Buffer, from: number, length: number) => {
    written.push(bytes.subarray(from, from + length).toString())
    return length
  }
  const lines = createLines(-1, { shared: true, writeTo })
  const long = `${'x'.repeat(5_000)}\n`
  const given = [...Array.from({ length: 100 }, (_, i) => `${`${i}`.padEnd(119, '.')}\n`), long, 'last\n']
  for (const line of given) lines.gather(line)
  lines.write('')
  expect(written.join('')).toBe(given.join(''))
  expect(written.filter((text) => text !== long).every((text) => text.length <= 4_096)).toBe(true)
  expect(written.every((text) => text.endsWith('\n'))).toBe(true)
})
