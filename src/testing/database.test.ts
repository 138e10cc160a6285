import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, inject, test } from 'vitest'
import { addressOf, connect } from '../data/connection.ts'
import { cloneOf, type Template, templateFor } from './database.ts'

const server = inject('databaseServer')
const folders: string[] = []
const templates: Template[] = []

/** A template that no other run has: its migrations are like none before. */
async function newService(name: string) {
  const migrations = await mkdtemp(join(tmpdir(), 'lintel-migrations-'))
  folders.push(migrations)
  await writeFile(join(migrations, '0001-things.sql'), `create table things (id integer); -- ${randomUUID()}`)
  return { contract: { name }, migrations }
}

async function templateOf(service: Awaited<ReturnType<typeof newService>>): Promise<Template> {
  const template = await templateFor(server, service)
  templates.push(template)
  return template
}

async function query(url: string, ...statements: string[]) {
  const client = await connect(url)
  try {
    let rows: unknown[] = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

afterAll(async () => {
  for (const name of new Set(templates.map(({ database }) => database)))
    await query(server, `alter database ${name} is_template false`, `drop database ${name}`, `drop role ${name}`)
  for (const folder of folders) await rm(folder, { recursive: true })
})

test('each test file gets a migrated database of its own, with the service’s role', async () => {
  const service = await newService('tested-things')
  // Many files ask at once, and one makes the template.
  const [template, same] = await Promise.all([templateOf(service), templateOf(service)])
  expect(same).toEqual(template)
  const [one, other] = await Promise.all([cloneOf(server, template), cloneOf(server, same)])
  await query(one.url, 'insert into things values (1)')
  expect(await query(other.url, 'select * from things')).toEqual([])
  expect(addressOf(one.url).user).toBe(template.database)
  await Promise.all([one.drop(), other.drop()])
  await expect(connect(one.url)).rejects.toMatchObject({ code: 'DATABASE_MISSING' })
})

test('other migrations make another template', async () => {
  const [one, other] = [await templateOf(await newService('others')), await templateOf(await newService('others'))]
  expect(one.database).not.toBe(other.database)
})
