import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { Fault } from '../../base/errors.ts'
import { connect } from '../../data/connection.ts'
import { findBuild } from '../../embedded/binaries.ts'
import { holdFolder } from '../../embedded/folder-hold.ts'
import { thisMachine } from '../../embedded/machine.ts'
import { makeFolder } from '../../embedded/make-folder.ts'
import { readSettings, type Settings } from '../../start/settings.ts'
import { contractsOf, type System, serviceNames } from '../../start/system.ts'
import { loadSystem } from '../load-system.ts'
import type { Finding } from './finding.ts'
import { portFinding } from './port.ts'
import { reachable } from './reachable.ts'

/** Looks at all of it; what cannot be looked at because of something else that is wrong is left out. */
export async function checksOf(file: string): Promise<Finding[]> {
  const findings = [nodeFinding(), typescriptFinding(file)].filter((one) => one !== undefined)
  const system = await attempt(() => loadSystem(file))
  if (system instanceof Error) return isTold(system, findings) ? findings : [...findings, wrongOf('system', system)]
  findings.push(well('system', `${file}: ${serviceNames(system).join(', ')}`))
  const settings = await attempt(async () => readSettings(process.env, contractsOf(system)))
  if (settings instanceof Error) return [...findings, wrongOf('settings', settings)]
  findings.push(well('settings', settings.production ? 'production (NODE_ENV)' : 'development'))
  return [...findings, ...(await around(system, settings))]
}

/** That TypeScript is not read is one thing, not another one of the system. */
function isTold(error: Error, findings: readonly Finding[]): boolean {
  const told = findings.some(({ about, well }) => about === 'TypeScript' && !well)
  return told && error instanceof Fault && error.code === 'TYPESCRIPT_UNSUPPORTED'
}

async function around(system: System, settings: Settings): Promise<Finding[]> {
  const { databaseUrl, serviceDatabaseUrls, natsUrl, redisUrl, host, port } = settings
  const embedded = databaseUrl === undefined && serviceDatabaseUrls.size < system.services.length
  return [
    ...(embedded ? [await binariesFinding(), await folderFinding(settings)] : []),
    ...(databaseUrl === undefined ? [] : [await databaseFinding('DATABASE_URL', databaseUrl)]),
    ...(await Promise.all(
      [...serviceDatabaseUrls].map(([name, url]) => databaseFinding(`the database of ${name}`, url)),
    )),
    ...(natsUrl === undefined ? [] : [await reachable('NATS_URL', natsUrl, 4222)]),
    ...(redisUrl === undefined ? [] : [await reachable('REDIS_URL', redisUrl, 6379)]),
    await portFinding(host, port),
  ]
}

function nodeFinding(): Finding {
  const { node } = process.versions
  const [major = 0, minor = 0] = node.split('.').map(Number)
  const old = major < 20 || (major === 20 && minor < 19)
  return old ? wrong('Node', `${node} is too old: use 20.19 or newer`) : well('Node', node)
}

/** Undefined where the system is not in TypeScript. */
function typescriptFinding(file: string): Finding | undefined {
  if (!/\.[cm]?ts$/.test(file)) return undefined
  const about = 'TypeScript'
  if ((process.features as { typescript?: unknown }).typescript) return well(about, 'this Node reads it')
  try {
    createRequire(resolve(file)).resolve('tsx')
    return well(about, 'tsx reads it')
  } catch {
    return wrong(about, 'this Node does not read it: run `npm i -D tsx`, or use Node 22.18 or newer')
  }
}

async function binariesFinding(): Promise<Finding> {
  const build = await attempt(() => findBuild(thisMachine()))
  return build instanceof Error ? wrongOf('PostgreSQL', build) : well('PostgreSQL', `${build.version}, embedded`)
}

async function folderFinding({ dataDir }: Settings): Promise<Finding> {
  const about = 'data folder'
  const path = resolve(dataDir)
  if (!existsSync(path)) return well(about, `${path} is made at the first start`)
  const held = await attempt(async () => {
    await makeFolder(path)
    await (await holdFolder(path)).release()
  })
  if (!(held instanceof Error)) return well(about, `${path} is free`)
  const { code, message } = held as Fault
  // As it should be while a system runs.
  const [, holder] = /is in use by (process \d+[^.]*)\./.exec(message) ?? []
  if (code === 'DATA_DIR_IN_USE' && holder !== undefined) return well(about, `${path} is in use by ${holder}`)
  return wrong(
    about,
    `${path} cannot be written: ${message}. Make it writable, or choose another one (LINTEL_DATA_DIR)`,
  )
}

const PATIENCE_MS = 3_000

async function databaseFinding(about: string, url: string): Promise<Finding> {
  const client = await attempt(() => connect(url, { timeoutMs: PATIENCE_MS }))
  if (client instanceof Error) return wrongOf(about, client)
  await client.end()
  return well(about, 'lets us in')
}

/** What it resolves to, or why it does not. */
async function attempt<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function well(about: string, says: string): Finding {
  return { about, well: true, says }
}

function wrong(about: string, says: string): Finding {
  return { about, well: false, says }
}

function wrongOf(about: string, error: Error): Finding {
  return wrong(about, error instanceof Fault ? `${error.message} (${error.code})` : error.message)
}
