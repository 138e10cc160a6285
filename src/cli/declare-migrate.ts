import type { Command } from 'commander'
import { unknownCommand } from './unknown-command.ts'

/** Declares `lintel migrate …`. What it does is loaded when it is called. */
export function declareMigrate(program: Command, system: () => string): void {
  const migrate: Command = program
    .command('migrate')
    .description('apply new migrations to every service’s database')
    .allowExcessArguments()
    .action(async () => {
      if (migrate.args.length > 0) throw unknownCommand(migrate.args, { below: 'migrate', commands: migrate.commands })
      await (await import('./migrate.ts')).migrateCommand(system())
    })
  migrate
    .command('status')
    .description('what every service’s database has had of its migrations, and what not yet')
    .option('--check', 'exit with 1 where something is not applied', false)
    .option('--json', 'as JSON, for programs', false)
    .action(async (options) => (await import('./migrate-status.ts')).migrateStatusCommand(system(), options))
  migrate
    .command('draft')
    .description('write a migration from the difference between contract and database, for you to read and mend')
    .argument('<service>', 'whose')
    .option('--name <words>', 'what the file is called behind its number, such as add-price')
    .action(async (service, options) =>
      (await import('./migrate-draft.ts')).migrateDraftCommand(system(), service, options),
    )
  migrate
    .command('reset')
    .description('drop all rows and tables, and migrate anew: on the database of a developer alone')
    .argument('[services...]', 'whose; of all services without')
    .option('--yes', 'do not ask', false)
    .action(async (services, options) =>
      (await import('./migrate-reset.ts')).migrateResetCommand(system(), services, options),
    )
}
