import { createRequire } from 'node:module'
import { Command, Option } from 'commander'
import { declareClient } from './declare-client.ts'
import { declareDesign } from './declare-design.ts'
import { declareEvents } from './declare-events.ts'
import { declareMigrate } from './declare-migrate.ts'
import { declareWork } from './declare-work.ts'
import { failWith } from './fail.ts'
import { declareNew } from './new/declare-new.ts'
import { releaseSignals } from './signals.ts'
import { refuseWrongUse } from './wrong-use.ts'

const { version } = createRequire(import.meta.url)('lintel/package.json') as { version: string }

let system = './system.ts'
/** One for all: it may stand before and after a command (FC-86). */
const SYSTEM = new Option('--system <file>', 'the module whose default export is the system')
  .default(system)
  .argParser((file: string) => {
    system = file
    return file
  })

// Each command is loaded when it is called: `--help` must not wait for drivers.
const program = new Command('lintel')
  .description('Runs systems made of contracts.')
  .version(version)
  .addOption(SYSTEM)
  .addHelpText(
    'after',
    '\nServices bring commands of their own, such as `lintel users create`.' +
      '\nExit codes: 0 fine, 1 the answer is no, or it failed, 2 wrong use, 78 wrong configuration.',
  )
  .exitOverride()

program
  .command('start')
  .description('run the system in this process, or parts of it: production, unless NODE_ENV=development')
  .argument('[parts...]', 'names of services, and gateway')
  .action(async (parts: string[]) => (await import('./start.ts')).startCommand(system, parts))
program
  .command('dev')
  .description('the same in development, again after each save: .env, a database in .lintel, mails at /dev/mails')
  .argument('[parts...]', 'names of services, and gateway')
  .option('--no-watch', 'run it once, in this process: for debuggers')
  .action(async (parts: string[], options) => (await import('./dev/dev.ts')).devCommand(system, parts, options))
declareMigrate(program, () => system)
declareNew(program, () => system)
program
  .command('db')
  .description('open the database of a service, with psql where there is one')
  .argument('[service]', 'whose; not needed where there is but one')
  .option('--url', 'print its URL', false)
  .option('-c, --command <sql>', 'run this, print the answer, and end')
  .action(async (service, options) => (await import('./db.ts')).dbCommand(system, service, options))
program
  .command('doctor')
  .description('look at what the system needs of this machine and this project; exit with 1 where something is wrong')
  .action(async () => (await import('./doctor/doctor.ts')).doctorCommand(system))
program
  .command('purge')
  .description('remove for good what was deleted long ago')
  .requiredOption('--older-than <duration>', 'such as 30d')
  .action(async ({ olderThan }) => (await import('./purge.ts')).purgeCommand(system, olderThan))
program
  .command('config')
  .description('print every setting with its value and where it comes from, secrets masked')
  .option('--json', 'as JSON')
  .action(async (options) => (await import('./config.ts')).configCommand(system, options))
program
  .command('proto')
  .description('write the .proto of every service, and pin the numbers of new fields')
  .option('--out <folder>', 'where the .proto files go', 'contracts/proto')
  .option('--check', 'write nothing; exit with 1 where a file is not what its contract says', false)
  .action(async (options) => (await import('./proto.ts')).protoCommand(system, options))
for (const [kind, what] of [
  ['openapi', 'the OpenAPI documents of the system and of each service, of every version'],
  ['asyncapi', 'the AsyncAPI documents of the system and of each service'],
] as const)
  program
    .command(kind)
    .description(`write ${what}`)
    .option('--out <folder>', 'where they go', `contracts/${kind}`)
    .option('--check', 'write nothing; exit with 1 where a file is not what its contract says', false)
    .action(async (options) => (await import('./documents.ts')).documentsCommand(kind, system, options))
declareClient(program, () => system)
declareEvents(program, () => system)
declareWork(program, () => system)
for (const command of commandsBelow(program)) command.addOption(SYSTEM)
declareDesign(program)

program
  .command('gateway')
  .description('run a gateway in front of any HTTP services')
  .requiredOption('--upstream <name=url,…>', 'where a service is, replicas joined by commas; repeatable', collect)
  .option('--routes <file>', 'a route file, JSON or YAML: see docs/guide/gateway.md')
  .option('--openapi <[name=]file>', 'an OpenAPI 3 document of an upstream, JSON or YAML; repeatable', collect, [])
  .option(
    '--unchecked-security <refuse|public|authenticated>',
    'what to do where a document asks for API keys and the like',
  )
  .option('--jwks <url|file>', 'the keys that bearer tokens are verified with; asks for --issuer and --audience')
  .option('--issuer <text>', 'what `iss` of a token must be')
  .option('--audience <text>', 'what `aud` of a token must be, or have among it')
  .option('--roles-claim <path>', 'where a token has its roles, such as realm_access.roles', 'roles')
  .option(
    '--pass-header <name>',
    'a header to pass on that is dropped else, such as X-Tenant-Id; repeatable',
    collect,
    [],
  )
  .option('--timeout <duration>', 'how long an upstream may take to begin its answer', '30s')
  .option('--max-body <bytes>', 'how large a body may be', '1048576')
  .addHelpText(
    'after',
    '\nSettings by environment: PORT, HOST, RATE_LIMIT_*, TRUSTED_PROXIES, CORS_ORIGINS, CORS_HEADERS, LOG_LEVEL, SHUTDOWN_TIMEOUT.',
  )
  .action(async (options) => (await import('./gateway.ts')).gatewayCommand(options))

// A service's too, for which the system has to be loaded.
program
  .command('help')
  .argument('[command...]')
  .description('display help for command')
  .addOption(SYSTEM)
  .action(async (words: string[]) => {
    const command = words.reduce<Command | undefined>(
      (one, word) => one?.commands.find((below) => below.name() === word),
      program,
    )
    if (command) command.outputHelp()
    else
      await (await import('./service-command.ts')).serviceCommand(
        system,
        [...words, '--help'],
        SYSTEM,
        program.commands,
      )
  })

// Anything else may be a service's: which there are is known once the system is loaded.
program
  .argument('[words...]')
  .usage('[options] [command]')
  .helpCommand(false)
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (words: string[]) => {
    if (words.length === 0) program.help({ error: true })
    await (await import('./service-command.ts')).serviceCommand(system, words, SYSTEM, program.commands)
  })

/** These take the signals, and end in their own way; a service's command does too, and is undone. */
const SERVING = ['start', 'dev', 'gateway', 'tail']
program.hook('preAction', async (_, action) => {
  // Node 24 loads modules in one go: what was signalled meanwhile is heard in the next turn of the event loop.
  await new Promise(setImmediate)
  if (action !== program && !SERVING.includes(action.name())) releaseSignals()
})

for (const command of [program, ...commandsBelow(program)]) refuseWrongUse(command)
program.parseAsync().catch(failWith)

function commandsBelow(command: Command): Command[] {
  return command.commands.flatMap((one) => [one, ...commandsBelow(one)])
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
