import { type Command, InvalidArgumentError } from 'commander'

/** Declares `lintel client`. What it does is loaded when it is called. */
export function declareClient(program: Command, system: () => string): void {
  program
    .command('client')
    .description('write a typed client of the whole API, as one file for those who have no contracts')
    .option(
      '--out <file>',
      'where it goes: a .ts has all that is needed, a .json the table for `lintel/client` alone',
      'client.ts',
    )
    .option('--api-version <n>', 'of the API; the newest by default', versionOf)
    .option('--check', 'write nothing; exit with 1 where the file is not what the contracts say', false)
    .action(async (options) => (await import('./client.ts')).clientCommand(system(), options))
}

function versionOf(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.')
  return Number(text)
}
