import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { Fault } from '../base/errors.ts'
import { createLog, STDERR } from '../observe/log.ts'
import type { Given } from '../service/command.ts'
import { runServices } from '../start/run-services.ts'
import { readSettings } from '../start/settings.ts'
import { type System, serviceNames } from '../start/system.ts'
import { loadSystem } from './load-system.ts'

/** Runs a command that a service brings, such as `users create`; also beside a running system. */
export async function serviceCommand(file: string, words: readonly string[]): Promise<void> {
  const system = await loadSystem(file)
  const { name, service, command } = find(system, words)
  const given = new Command(`lintel ${name}`).description(command.about).exitOverride().showHelpAfterError()
  for (const [flags, meaning] of Object.entries(command.required ?? {})) given.requiredOption(flags, meaning)
  for (const [flags, meaning] of Object.entries(command.options ?? {})) given.option(flags, meaning)
  await given.parseAsync(words.slice(name.split(' ').length), { from: 'user' })

  const settings = readSettings(process.env, serviceNames(system))
  const log = await createLog(settings.logLevel, STDERR)
  const services = await runServices(system, settings, { log, shared: true })
  try {
    const input: Given = { options: given.opts(), env: settings.env, readSecret }
    console.log(await services.byName.get(service.contract.name)!.run((unit) => command.run(unit, input)))
  } finally {
    await services.stop()
  }
}

function find({ services }: System, words: readonly string[]) {
  const all = services.flatMap((service) =>
    Object.entries(service.commands).map(([name, command]) => ({ name, service, command })),
  )
  const found = all.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `))
  if (found) return found
  const known = ['start', 'migrate', 'purge', ...all.map(({ name }) => name)].join(', ')
  throw new Fault('UNKNOWN_COMMAND', `There is no command "${words.join(' ')}". There are: ${known}`, { exitCode: 2 })
}

async function readSecret(question: string): Promise<string> {
  const { stdin, stderr } = process
  if (stdin.isTTY) stderr.write(`${question}: `)
  // Without an output nothing that is typed is shown.
  const lines = createInterface({ input: stdin, terminal: stdin.isTTY })
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
    if (stdin.isTTY) stderr.write('\n')
  }
}
