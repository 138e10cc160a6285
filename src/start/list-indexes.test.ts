import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { expect, inject, test } from 'vitest'
import { resource, service, t } from '../contract/index.ts'
import { implement } from '../service/index.ts'
import { cloneOf, templateFor } from '../testing/database.ts'
import { openServiceDatabase } from './databases.ts'
import { system } from './define-system.ts'
import { runServices } from './run-services.ts'
import { readSettings } from './settings.ts'

const Tree = resource('tree', {
  id: 'tre',
  fields: { species: t.text({ max: 100 }), height: t.integer() },
  list: { filter: ['species'], sort: ['height'] },
  access: { list: 'public' },
})
const forest = service('forest', { resources: { trees: Tree } })
const TABLE = `create table trees (id uuid primary key, species varchar(100) not null, height integer not null,
  version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now());`

/** What the start of such a service warns of, or a command `beside` one, or what migrates before it. */
async function warningsWith(
  indexes: string,
  what: 'start' | 'beside' | 'migrate' = 'start',
): Promise<[object, string][]> {
  const folder = await mkdtemp(join(tmpdir(), 'lintel-indexes-'))
  await writeFile(join(folder, '0001-trees.sql'), TABLE + indexes)
  const migrations = pathToFileURL(`${folder}/`)
  const server = inject('databaseServer')
  const clone = await cloneOf(server, await templateFor(server, { contract: forest, migrations }))
  const warnings: [object, string][] = []
  const log = pino(
    { level: 'warn' },
    {
      write: (line: string) => {
        const { service, missing, msg } = JSON.parse(line)
        if (missing) warnings.push([{ service, missing }, msg])
      },
    },
  )
  const forests = system({ services: [implement(forest, {}, { migrations })] })
  try {
    if (what === 'migrate') await (await openServiceDatabase(forests.services[0]!, clone.url, log)).close()
    else {
      const settings = readSettings({ FOREST_DATABASE_URL: clone.url, NODE_ENV: 'development' }, ['forest'])
      const running = await runServices(forests, settings, { log, shared: what === 'beside' })
      await running.stop()
      await running.databases.stop()
    }
  } finally {
    await clone.drop()
    await rm(folder, { recursive: true })
  }
  return warnings
}

test('FC-115, R-OPS-6: a start warns of every index that a declared list lacks, and goes on', async () => {
  const missing = ['create index on trees ("species", id)', 'create index on trees ("height", id)']
  const warnings = await warningsWith('')
  expect(warnings).toEqual([[{ service: 'forest', missing }, expect.stringContaining(missing.join('; '))]])
  expect(await warningsWith(missing.join(';'))).toEqual([])
})

test('FC-115: neither what migrates before a start nor a command beside one warns of it a second time', async () => {
  expect(await warningsWith('', 'migrate')).toEqual([])
  expect(await warningsWith('', 'beside')).toEqual([])
})
