import { randomUUID } from 'node:crypto'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/data/connection.ts'
import type { System } from '../../src/start/system.ts'
import { type PartedSystem, type PartReplica, startParts } from '../system-parts.ts'
import { launcher, post } from '../system-process.ts'
import { openBalancer } from '../topology/balancer.ts'
import { type Answer, type Clients, shown, startClients } from '../topology/clients.ts'
import { NOT_COMPARED } from '../topology/compare.ts'
import { atRest } from '../topology/published.ts'
import { type SharedServers, sharedServers } from '../topology/topologies.ts'

/** How long both builds serve together. */
const TOGETHER_MS = 1000 * Number(process.env.LINTEL_UPGRADE_SECONDS ?? 12)
const SYSTEM = fileURLToPath(new URL('./system.ts', import.meta.url))

const { launch, run, folder } = launcher()

/** What of a build stands in the environment: which code, and the migrations that it has. */
interface Build extends Readonly<Record<string, string>> {
  readonly BUILD: 'old' | 'new'
  readonly BUILD_FOLDER: string
}
let old: Build
let expanded: Build
let contracted: Build
let shared: SharedServers | undefined
let env: Readonly<Record<string, string>>
let system: System
let running: PartedSystem

beforeAll(async () => {
  shared = await sharedServers()
  if (shared === undefined) return console.warn(NOT_COMPARED)
  const root = await folder()
  old = await build('old', join(root, 'old'), 1)
  expanded = await build('new', join(root, 'expanded'), 2)
  contracted = await build('new', join(root, 'contracted'), 3)
  process.env.BUILD_FOLDER = old.BUILD_FOLDER
  system = ((await import('./old.ts')) as { default: System }).default
  // In development parts migrate by themselves.
  env = { ...shared.env, NODE_ENV: 'production', SHUTDOWN_TIMEOUT: '10' }
  running = await startParts(system, {
    replicas: { tickets: 2, desk: 2, gateway: 2 },
    env: { ...env, ...old },
    file: SYSTEM,
  })
}, 180_000)
afterAll(async () => {
  await running?.stop()
  await shared?.stop()
})

/** With the migrations that have numbers up to `newest`. */
async function build(code: Build['BUILD'], path: string, newest: number): Promise<Build> {
  for (const service of ['tickets', 'desk']) {
    const from = fileURLToPath(new URL(`./${service}/`, import.meta.url))
    await mkdir(join(path, service), { recursive: true })
    for (const file of await readdir(from))
      if (Number(file.slice(0, 4)) <= newest) await cp(join(from, file), join(path, service, file))
  }
  return { BUILD: code, BUILD_FOLDER: path }
}

test('R-OPS-6 R-P-3: an old and a new build serve together on one schema that is expanded and contracted under load: no request fails, no write is lost', {
  timeout: 600_000 + TOGETHER_MS,
}, async ({ skip }) => {
  skip(shared === undefined)
  const { tickets, desk, gateway } = running.parts as Record<'tickets' | 'desk' | 'gateway', [PartReplica, PartReplica]>
  const balancer = await openBalancer(gateway)
  const load = startTicketLoad(balancer.url)
  try {
    await delay(1_000)
    const [early] = await Promise.all([lintel(expanded, 'start', 'tickets'), tooEarly(tickets)])
    expect(early).toMatchObject({ code: 78, stderr: expect.stringContaining('0002-add-title.sql') })

    expect(await lintel(expanded, 'migrate')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('0002-add-title'),
    })
    // One that ends by itself meanwhile comes back, and so does one that is taken back.
    await tickets[0].restart()
    const stages: [PartReplica, Build][] = [
      [tickets[0], expanded],
      [tickets[0], old],
      [tickets[0], expanded],
      [tickets[1], expanded],
      [desk[0], expanded],
      [desk[1], expanded],
      [gateway[0], expanded],
      [gateway[1], expanded],
    ]
    const beganMs = performance.now()
    for (const [replica, to] of stages) {
      await replica.restart(to)
      if (replica !== gateway[1]) await delay(TOGETHER_MS / (stages.length - 1))
    }
    const togetherS = (performance.now() - beganMs) / 1000

    expect(await lintel(contracted, 'migrate')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('0003-drop-subject'),
    })
    const late = await lintel(old, 'start', 'tickets')
    expect(late).toMatchObject({ code: 78, stderr: expect.stringContaining('column subject is missing') })
    await delay(1_000)
    await load.stop()
    const repeated = load.outcomes.filter(({ kind, status }) => kind === 'assign' && status === 504)
    console.log(
      `two builds for ${togetherS.toFixed(0)} s: ${load.outcomes.length} requests, ${repeated.length} of them repeated after a 504`,
    )

    const failures = load.outcomes.filter((one) => (one.status === 0 || one.status >= 400) && !repeated.includes(one))
    expect(failures.length, shown(failures)).toBe(0)
    expect(load.wrong).toEqual([])
    expect(load.outcomes.length).toBeGreaterThan(TOGETHER_MS / 50)
    await expectOnce(load)
    const renamed = await fetch(`${balancer.url}/v2/tickets/${load.opened[0]}`)
    expect(await renamed.json()).toMatchObject({ title: expect.any(String) })
  } finally {
    await load.stop().catch(() => {})
    balancer.close()
  }
})

function lintel(build: Build, ...args: string[]) {
  return run('lintel', { args: [...args, '--system', SYSTEM], env: { ...env, ...running.env, ...build } })
}

/** What a new build calls has to be new before it is: it says so, and fails those calls alone. */
async function tooEarly(tickets: readonly PartReplica[]): Promise<void> {
  const early = { ...env, ...running.env, ...expanded, TICKETS_URL: tickets.map(({ url }) => url).join() }
  const desk = launch('lintel', { args: ['start', 'desk', '--system', SYSTEM], env: early })
  const gateway = launch('lintel', {
    args: ['start', 'gateway', '--system', SYSTEM],
    env: { ...early, DESK_URL: await desk.url() },
  })
  const url = await gateway.url()
  const made = await post(`${url}/tickets`, { subject: 'early' })
  expect(made.status).toBe(201)
  const { id } = (await made.json()) as { id: string }
  expect((await post(`${url}/assignments`, { ticketId: id })).status).toBe(503)
  await desk.line(/tickets\.get lacks \\?"title\\?" in version 2/)
  for (const one of [gateway, desk]) {
    one.signalGroup('SIGTERM')
    await one.ended
  }
}

interface TicketLoad extends Clients {
  /** Ids of what was acknowledged. */
  readonly opened: readonly string[]
  readonly assigned: readonly string[]
  /** Answers that are not what they must be. */
  readonly wrong: readonly string[]
}

/** Clients of the old build, in version 1 of the API: each opens tickets, and renames and reads one of its own. */
function startTicketLoad(url: string): TicketLoad {
  const opened: string[] = []
  const assigned: string[] = []
  const wrong: string[] = []
  const own: string[] = []
  const idOf = ({ status, text }: Answer) => (status === 201 ? (JSON.parse(text).id as string) : undefined)
  const clients = startClients(url, { clients: 4, pauseMs: 60 }, async (ask, client, turn) => {
    const open = async (key?: string) => idOf(await ask('open', 'POST', '/tickets', { body: { subject: 'open' }, key }))
    const ticket = own[client]
    if (ticket === undefined) {
      const id = await open()
      if (id === undefined) return
      own[client] = id
      opened.push(id)
      return
    }
    switch (turn % 5) {
      case 0: {
        const key = randomUUID()
        const [first, again] = [await open(key), await open(key)]
        if (first !== undefined) opened.push(first)
        if (first !== again) wrong.push(`${key} opened ${first} and ${again}`)
        return
      }
      case 1: {
        const id = await open()
        if (id !== undefined) opened.push(id)
        return
      }
      case 2: {
        const subject = `${client} ${turn}`
        const { status } = await ask('rename', 'PATCH', `/tickets/${ticket}`, { body: { subject } })
        const writtenMs = performance.now()
        // While one process has lost Redis and another has not, as on a busy machine, a read may be 5 s old.
        for (;;) {
          const sentMs = performance.now()
          const read = await ask('read', 'GET', `/tickets/${ticket}`)
          if (status !== 200 || read.status !== 200 || JSON.parse(read.text).subject === subject) return
          if (sentMs - writtenMs > 5_000) return void wrong.push(`${subject} was read as ${read.text}`)
        }
      }
      case 3: {
        const sent = { body: { ticketId: ticket }, key: randomUUID() }
        // The call between services has a second, which a busy machine may not have: then the key tells what became of it.
        let answer = await ask('assign', 'POST', '/assignments', sent)
        for (let i = 0; i < 5 && answer.status === 504; i++) answer = await ask('assign', 'POST', '/assignments', sent)
        const id = idOf(answer)
        if (id === undefined) wrong.push(`an assignment was answered with ${answer.status}`)
        else assigned.push(id)
        return
      }
      default: {
        const { status, text } = await ask('list', 'GET', '/tickets?sort=-createdAt&limit=5')
        if (status !== 200) return
        const { data } = JSON.parse(text) as { data: { subject?: string }[] }
        if (!data.every(({ subject }) => subject)) wrong.push(`the list ${text}`)
      }
    }
  })
  return { ...clients, opened, assigned, wrong }
}

/** Opened by `tooEarly`. */
const EARLY = 1

/** Every write was acknowledged, so what is there are those, each once; and each was heard of once. */
async function expectOnce({ opened, assigned }: TicketLoad): Promise<void> {
  await atRest(running, system)
  expect(await counted('tickets', 'select count(*)::int as n from tickets')).toBe(opened.length + EARLY)
  expect(
    await counted(
      'tickets',
      'select count(*)::int as n from tickets where id = any(select lintel.uuid(unnest($1::text[])))',
      [opened],
    ),
  ).toBe(new Set(opened).size)
  expect(await counted('desk', 'select count(*)::int as n from assignments')).toBe(assigned.length)
  const heard = `from heard where type = 'ticket.created'`
  expect(await counted('desk', `select count(*)::int as n ${heard}`)).toBe(opened.length + EARLY)
  expect(await counted('desk', `select count(distinct ticket_id)::int as n ${heard}`)).toBe(opened.length + EARLY)
  expect(await counted('desk', 'select count(*) - count(distinct event_id) as n from heard')).toBe('0')
  expect(await counted('desk', 'select count(*)::int as n from lintel.inbox where dead_at is not null')).toBe(0)
}

async function counted(service: string, sql: string, values: unknown[] = []): Promise<number | string> {
  const database = await connect(running.databases[service]!)
  try {
    return (await database.query(sql, values)).rows[0].n
  } finally {
    await database.end()
  }
}
