import { createInterface } from 'node:readline'
import { Command, type Option } from 'commander'
import { Fault } from '../base/errors.ts'
import { nearestName } from '../base/known-names.ts'
import { createLog, STDERR } from '../observe/log.ts'
import type { CommandInput } from '../service/command.ts'
import { runServices } from '../start/run-services.ts'
import { readSettings } from '../start/settings.ts'
import { contractsOf, type System } from '../start/system.ts'
import { loadSystem } from './load-system.ts'
import { interruption } from './signals.ts'
import { unknownCommand } from './unknown-command.ts'
import { refuseWrongUse } from './wrong-use.ts'

/**
 * Runs a command that a service brings, such as `users create`; also beside a running system. Which commands there are, the
 * system says: `systemOption` after the command is read before anything else of it.
 */
export async function serviceCommand(
  before: string,
  given: readonly string[],
  systemOption: Option,
  own: readonly Command[],
): Promise<void> {
  const interrupted = interruption()
  try {
    await runCommand(before, given, systemOption, { own, signal: interrupted.signal })
  } catch (error) {
    if (interrupted.exitCode === undefined) throw error
    console.error(`lintel: ${interrupted.signal.reason.message}`)
    process.exit(interrupted.exitCode)
  }
}

/** When `signal` aborts, the statement under way is cancelled and the transaction rolled back. */
async function runCommand(
  before: string,
  given: readonly string[],
  systemOption: Option,
  { own, signal }: { own: readonly Command[]; signal: AbortSignal },
): Promise<void> {
  const { file = before, words } = takeOption(given, systemOption.long!)
  const system = await loadSystem(file).catch((error) => {
    const isMissing = error instanceof Fault && error.code === 'NO_SYSTEM'
    throw isMissing ? unknownCommand(named(words), { commands: own, more: `, nor a system in ${file}` }) : error
  })
  if (helpsWithGroup(system, words, systemOption)) return
  const { name, service, command } = find(system, words, own)
  const parser = new Command(`lintel ${name}`).description(command.about)
  for (const [flags, meaning] of Object.entries(command.required ?? {})) parser.requiredOption(flags, meaning)
  for (const [flags, meaning] of Object.entries(command.options ?? {})) parser.option(flags, meaning)
  parser.addOption(systemOption)
  refuseWrongUse(parser)
  await parser.parseAsync(words.slice(name.split(' ').length), { from: 'user' })

  const settings = readSettings(process.env, contractsOf(system))
  const log = await createLog(settings.logLevel, { fd: STDERR })
  const services = await runServices(system, settings, { log, shared: true, signal })
  try {
    const input: CommandInput = {
      options: parser.opts(),
      readSecret: (question) => readSecret(question, signal),
    }
    console.log(await services.byName.get(service.contract.name)!.run((unit) => command.run(unit, input), signal))
  } finally {
    await services.stop()
    await services.databases.stop()
  }
}

/** `--name value` or `--name=value`, wherever it stands. */
function takeOption(words: readonly string[], name: string): { file?: string; words: readonly string[] } {
  const i = words.findIndex((word) => word === name || word.startsWith(`${name}=`))
  if (i < 0) return { words }
  const joined = words[i] !== name
  const file = joined ? words[i]!.slice(name.length + 1) : words[i + 1]
  // Without a value it stays, to be refused as any other option is.
  return file ? { file, words: words.toSpliced(i, joined ? 1 : 2) } : { words }
}

/** `lintel mails --help`: what there is below a word that is no command itself. False where help is not asked for, or not that. */
function helpsWithGroup(system: System, words: readonly string[], systemOption: Option): boolean {
  const end = words.findIndex((word) => word.startsWith('-'))
  const group = words.slice(0, end).join(' ')
  const below = commandsOf(system).filter(({ name }) => name.startsWith(`${group} `))
  if (!['--help', '-h'].includes(words[end] ?? '') || below.length === 0) return false
  const help = new Command(`lintel ${group}`)
    .usage('[options] <command>')
    .description(
      `Commands of the ${[...new Set(below.map(({ service }) => service.contract.name))].join(' and ')} service.`,
    )
    .addOption(systemOption)
    .helpCommand(false)
  for (const { name, command } of below)
    help.addCommand(new Command(name.slice(group.length + 1)).description(command.about))
  help.outputHelp()
  return true
}

function commandsOf({ services }: System) {
  return services.flatMap((service) =>
    Object.entries(service.commands).map(([name, command]) => ({ name, service, command })),
  )
}

function find(system: System, words: readonly string[], own: readonly Command[]) {
  const all = commandsOf(system)
  const found = all.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `))
  if (found) return found
  const names = all.map(({ name }) => name)
  const whole = nearestName(named(words).join(' '), names)
  if (whole !== undefined) throw unknownCommand([named(words).join(' ')], { commands: [whole] })
  throw unknownCommand(named(words), {
    commands: own,
    more: `. Commands of its services: ${names.join(', ') || 'none'}`,
  })
}

/** Without options, of which a command that there is not has none. */
function named(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith('-'))
  return end > 0 ? words.slice(0, end) : words
}

async function readSecret(question: string, signal: AbortSignal): Promise<string> {
  const { stdin, stderr } = process
  if (stdin.isTTY) stderr.write(`${question}: `)
  // Without an output nothing that is typed is shown.
  const lines = createInterface({ input: stdin, terminal: stdin.isTTY, signal })
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
    if (stdin.isTTY) stderr.write('\n')
  }
}
