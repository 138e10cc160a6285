import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Block, blocksOf } from './markdown.ts'
import { launcher, type SystemProcess } from './system-process.ts'
import { tarballs } from './tarballs.ts'

// Every block of docs/quick-start.md in its order: files are written, commands are run, and what a page shows behind a command has to come.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const READS_TYPESCRIPT = major > 22 || (major === 22 && minor >= 18)
const { launch } = launcher()
let folder: string
let packages: Awaited<ReturnType<typeof tarballs>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-quick-'))
  packages = await tarballs(folder, { types: true })
}, 600_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

test('docs/quick-start.md: every step does what the page says', { timeout: 600_000 }, async () => {
  const project = join(folder, 'my-api')
  const blocks = blocksOf('docs/quick-start.md')
  const ids = new Map<string, string>()
  let server: SystemProcess | undefined
  let shown = 0
  for (const [at, block] of blocks.entries()) {
    const url = await server?.url()
    if (block.about !== '') await write(project, block, url)
    if (block.language !== 'sh') continue
    if (block.text === 'npm run dev\n') {
      server = launch(['npm', 'run', 'dev'], { cwd: project })
      await server.url()
      continue
    }
    const commands = commandsOf(block.text, url, ids)
    const next = blocks[at + 1]
    const expected = next !== undefined && ['json', 'text'].includes(next.language) ? next : undefined
    const attempt = async () => {
      const { code, output } = await run(commands, url === undefined ? folder : project)
      expect(code, output).toBe(0)
      if (expected !== undefined) expectShown(expected, output, ids)
    }
    // What a save has changed, or an event has caused, is there soon.
    if (expected === undefined) await attempt()
    else
      await vi.waitFor(attempt, { timeout: 90_000, interval: 100 }).catch((error) => {
        throw new Error(`${commands}${error.message}`, { cause: error })
      })
    if (expected !== undefined) shown++
  }
  expect(shown).toBe(blocks.filter(({ language }) => ['json', 'text'].includes(language)).length)
  server?.signalGroup('SIGINT')
  await server?.ended
})

/** With the address of this test's server, where the file has one. */
async function write(project: string, { about, text }: Block, url: string | undefined): Promise<void> {
  const path = join(project, about)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text.replace('http://localhost:3000', url ?? 'http://localhost:3000'))
}

/** The commands of the page, on the packages of this repository and the port of this test. */
function commandsOf(text: string, url: string | undefined, ids: ReadonlyMap<string, string>): string {
  return text
    .replace(
      'npm create lintel my-api',
      `npx --yes --package ${packages.creator} create-lintel my-api --lintel ${packages.lintel}`,
    )
    .replace('node try.ts', `${READS_TYPESCRIPT ? 'node' : 'npx tsx'} try.ts`)
    .replaceAll('localhost:3000', new URL(url ?? 'http://localhost:3000').host)
    .replaceAll(/(\w+)_…/g, (_, prefix) => ids.get(prefix) ?? `no ${prefix} yet`)
}

function run(commands: string, cwd: string): Promise<{ code: number; output: string }> {
  const { PATH, HOME, NODE_EXTRA_CA_CERTS } = process.env
  return new Promise((resolve) => {
    const child = execFile(
      'bash',
      ['-euo', 'pipefail', '-c', commands],
      { cwd, env: { PATH, HOME, NODE_EXTRA_CA_CERTS } },
      (error, out, err) => resolve({ code: error ? Number(error.code) : 0, output: out || err }),
    )
    child.stdin?.end()
  })
}

/** JSON is all that the page shows, and no more; `tkt_…` is any text that begins with `tkt_`, whose rest later commands use. */
function expectShown({ language, text }: Block, output: string, ids: Map<string, string>): void {
  if (language === 'text') {
    expect(output).toContain(text)
    return
  }
  const answer = JSON.parse(output)
  const wanted = JSON.parse(text, (_, value) =>
    typeof value === 'string' && value.endsWith('…') ? expect.stringMatching(`^${value.slice(0, -1)}`) : value,
  )
  expect(answer).toEqual(wanted)
  if (typeof answer.id === 'string') ids.set(answer.id.split('_')[0], answer.id)
}
