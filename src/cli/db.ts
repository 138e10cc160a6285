import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Fault } from '../base/errors.ts'
import { type Answer, type Console, openConsole } from '../data/console.ts'
import { findRunningPostgres } from '../embedded/running.ts'
import { databaseUrls } from '../start/databases.ts'
import { readSettings, type Settings } from '../start/settings.ts'
import { contractsOf, serviceNames } from '../start/system.ts'
import { wrong } from './arguments.ts'
import { eachService, servicesNamed } from './each-service.ts'
import { loadSystem } from './load-system.ts'
import { textTable } from './text-table.ts'

export interface DbOptions {
  readonly url: boolean
  readonly command?: string
}

/** Opens the database of a service: with psql where there is one, else with a prompt of its own. */
export async function dbCommand(file: string, given: string | undefined, { url, command }: DbOptions): Promise<void> {
  const system = await loadSystem(file)
  const names = serviceNames(system)
  if (given === undefined && names.length !== 1) throw wrong(`Say whose database: ${names.join(', ')}`)
  const name = given ?? names[0]!
  servicesNamed(system, [name])
  const settings = readSettings(process.env, contractsOf(system))
  if (url) return console.log(databaseUrls(system, settings, await runningServer(name, settings)).get(name))
  await eachService(file, [name], async (_, found) => {
    if (command !== undefined) return runOnce(found.url, command)
    if (await psql(found.url)) return
    await prompt(name, found.url)
  })
}

/** An embedded server that ends with this command would leave an address where nobody is. */
async function runningServer(name: string, { databaseUrl, serviceDatabaseUrls, dataDir }: Settings): Promise<string> {
  if (serviceDatabaseUrls.has(name)) return ''
  const running = databaseUrl ?? (await findRunningPostgres(resolve(dataDir)))
  if (running !== undefined) return running
  throw new Fault('NO_DATABASE', `No PostgreSQL runs on ${dataDir}: run \`lintel dev\`, and ask again`, { exitCode: 1 })
}

async function runOnce(url: string, statements: string): Promise<void> {
  const session = await openConsole(url)
  try {
    for (const answer of await session.run(statements)) console.log(shown(answer))
  } catch (error) {
    console.error(`lintel: ${messageOf(error)}`)
    process.exitCode = 1
  } finally {
    await session.end()
  }
}

/** False where there is none. */
async function psql(url: string): Promise<boolean> {
  // What is on a command line, every user of the machine can see.
  const open = new URL(url)
  const password = decodeURIComponent(open.password)
  open.password = ''
  const env = password === '' ? process.env : { ...process.env, PGPASSWORD: password }
  const child = spawn('psql', [open.href], { stdio: 'inherit', env })
  // Ctrl-C is for the statement under way.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  try {
    const [code] = await once(child, 'close')
    process.exitCode = code ?? 1
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  } finally {
    process.off('SIGINT', ignore)
  }
}

async function prompt(name: string, url: string): Promise<void> {
  const session = await openConsole(url)
  const { stdin, stdout } = process
  if (stdin.isTTY) console.log('There is no psql here. A statement ends with a semicolon; \\q or Ctrl-D ends this.')
  const lines = createInterface({ input: stdin, ...(stdin.isTTY && { output: stdout }), prompt: `${name}=> ` })
  let statement = ''
  try {
    if (stdin.isTTY) lines.prompt()
    for await (const line of lines) {
      if (statement === '' && /^\s*(\\q|exit|quit)\s*;?\s*$/i.test(line)) return
      statement += `${line}\n`
      if (/;\s*$/.test(line)) {
        await answer(session, statement)
        statement = ''
      }
      lines.setPrompt(statement.trim() === '' ? `${name}=> ` : `${name}-> `)
      if (stdin.isTTY) lines.prompt()
    }
    if (statement.trim() !== '') await answer(session, statement)
  } finally {
    lines.close()
    await session.end()
  }
}

async function answer(session: Console, statement: string): Promise<void> {
  try {
    for (const one of await session.run(statement)) console.log(shown(one))
  } catch (error) {
    console.error(messageOf(error))
  }
}

function shown({ command, count, columns, rows }: Answer): string {
  if (columns.length === 0) return [command, ...(count === null ? [] : [count])].join(' ')
  const table = textTable(
    columns,
    rows.map((row) => row.map((cell) => cell?.replaceAll('\n', '\\n') ?? 'null')),
  )
  return `${table}\n(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})`
}

function messageOf(error: unknown): string {
  const { message, position, hint } = error as Error & { position?: string; hint?: string }
  return `${message}${position ? `, at character ${position}` : ''}${hint ? `. ${hint}` : ''}`
}
