#!/usr/bin/env node
import { Command } from 'commander'
import { failWith } from './fail.ts'

const program = new Command('lintel')
  .description('Runs systems made of contracts.')
  .version('0.1.0')
  .option('--system <file>', 'the module whose default export is the system', './system.ts')
  .showHelpAfterError()

// Each command is loaded when it is called: `--help` must not wait for drivers.
program
  .command('start')
  .description('run the system in this process')
  .action(async () => (await import('./start.ts')).startCommand(program.opts().system))
program
  .command('migrate')
  .description('apply new migrations to every service’s database')
  .action(async () => (await import('./migrate.ts')).migrateCommand(program.opts().system))
program
  .command('purge')
  .description('remove for good what was deleted long ago')
  .requiredOption('--older-than <duration>', 'such as 30d')
  .action(async ({ olderThan }) => (await import('./purge.ts')).purgeCommand(program.opts().system, olderThan))

program.parseAsync().catch(failWith)
