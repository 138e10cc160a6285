import type { Command } from 'commander'

/** Declares `lintel client`. What it does is loaded when it is called. */
export function declareClient(program: Command, system: () => string): void {
  program
    .command('client')
    .description('write a typed client of the API: one file, for those who have no contracts')
    .option('--out <file>', 'a .ts has all that is needed; a .json only the table for `lintel/client`', 'client.ts')
    .option('--api-version <n>', 'version of the API; the newest by default')
    .option('--check', 'write nothing; exit with 1 where the file is not what the contracts say', false)
    .action(async (options) => (await import('./client.ts')).clientCommand(system(), options))
}
