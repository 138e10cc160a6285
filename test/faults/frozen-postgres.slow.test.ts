import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resource, service, t } from '../../src/contract/index.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { type SmallSystem, smallSystem } from '../small-system.ts'
import { post } from '../system-process.ts'

const Tea = resource('tea', {
  id: 'tea',
  fields: { name: t.text({ max: 20 }) },
  list: { search: ['name'], scans: ['q'] },
  access: { list: 'public', get: 'public', create: 'public' },
})
const contract = service('frozen', { resources: { teas: Tea } })
const SQL = `create table teas (
  id uuid primary key, name varchar(20) not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
); create index on teas (created_at, id);`

let dataDir: string
let postgres: EmbeddedPostgres
let running: SmallSystem
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'lintel-frozen-'))
  postgres = await startEmbeddedPostgres({ dataDir, durable: false })
  running = await smallSystem(contract, {}, SQL, { REQUEST_TIMEOUT: '2' }, {}, postgres.url)
})
afterAll(async () => {
  await running?.stop()
  await postgres?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

/** The server and its children, of which there is one for each connection. */
async function processes(): Promise<number[]> {
  const pid = Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number)
  return [pid, ...children]
}

const signal = async (name: NodeJS.Signals) => {
  for (const pid of await processes()) process.kill(pid, name)
}

test.each([10, 60])(
  'FC-73: while PostgreSQL is frozen for %i s every request is answered, and afterwards all is well by itself',
  async (seconds) => {
    const { id } = (await (await post(`${running.url}/teas`, { name: 'Assam' })).json()) as { id: string }
    const asks = [
      () => fetch(`${running.url}/teas/${id}`),
      () => fetch(`${running.url}/teas`),
      () => fetch(`${running.url}/teas?q=ass`),
      () => post(`${running.url}/teas`, { name: 'Darjeeling' }),
    ]
    for (const ask of asks) expect((await ask()).status).toBeLessThan(300)
    await signal('SIGSTOP')
    const statuses = new Set<number>()
    let rounds = 0
    try {
      for (const untilMs = performance.now() + seconds * 1000; performance.now() < untilMs; rounds++) {
        const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => asks[i % asks.length]!()))
        for (const { status } of answers) statuses.add(status)
      }
    } finally {
      await signal('SIGCONT')
    }
    expect([...statuses].sort()).toEqual([503, 504])
    // Each round ends with its deadlines, of 2 s.
    expect(rounds).toBeGreaterThan(seconds / 5)
    for (const ask of asks) while ((await ask()).status >= 500);
  },
  120_000,
)
