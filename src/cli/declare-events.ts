import type { Command } from 'commander'

/** Declares `lintel events …`. What it does is loaded when it is called. */
export function declareEvents(program: Command, system: () => string): void {
  const actions = () => import('./events.ts')
  const consumer = ['--consumer <name>', 'only those of one consumer, such as orders.buyers'] as const
  const events = program.command('events').description('see how events are doing, and send them again')
  events
    .command('status')
    .description('what waits to be published, and to be handled')
    .option('--json', 'as JSON, for programs')
    .action(async ({ json }) => (await actions()).statusCommand(system(), json))
  events
    .command('resend')
    .description('send again what was published since then, for a carrier that has lost it')
    .requiredOption('--since <time>', 'a time such as 2026-11-26T09:00:00Z, or how long ago, such as 2h')
    .action(async ({ since }) => (await actions()).resendCommand(system(), since))
  events
    .command('skip')
    .description('without a broker: pass over what a consumer has not read, which is kept for it')
    .argument('<consumer>', 'such as orders.buyers')
    .action(async (name) => (await actions()).skipCommand(system(), name))
  events
    .command('tail')
    .description('follow what is published: readable on a terminal, else a line of JSON for each event')
    .option('--service <name>', 'only what one service publishes')
    .option('--type <type>', 'only events of this type, such as order.created; repeatable', collect, [])
    .option('--since <time>', 'from then on: a time such as 2026-11-26T09:00:00Z, or how long ago, such as 2h')
    .option('--json', 'JSON on a terminal too')
    .action(async (options) => (await import('./tail-events.ts')).tailCommand(system(), options))
  events
    .command('backfill')
    .description(
      'emit <resource>.created, where that was added later, for the rows that were there before it; without --yes only say how many, and who hears of them',
    )
    .argument('<type>', 'such as order.created: each order becomes one')
    .option('--yes', 'do it; what was interrupted goes on where it was')
    .option('--again', 'begin anew where it was done before')
    .action(async (type, options) => (await import('./backfill-events.ts')).backfillCommand(system(), type, options))
  const dead = events.command('dead').description('events whose handler has failed for the last time')
  dead
    .command('list')
    .description('the oldest first')
    .option(...consumer)
    .option('--limit <n>', 'at most so many of each service', '100')
    .option('--json', 'as JSON, for programs')
    .action(async (options) => (await actions()).listCommand(system(), options))
  dead
    .command('show')
    .description('one, with its data and its last error')
    .argument('<event>', 'its id: evt_…')
    .option(...consumer)
    .action(async (event, options) => (await actions()).showCommand(system(), event, options))
  dead
    .command('resend')
    .description('have them tried again, from the first attempt')
    .argument('[event]', 'its id: evt_…')
    .option(...consumer)
    .option('--all', 'all of them')
    .action(async (event, options) => (await actions()).resendDeadCommand(system(), event, options))
  dead
    .command('drop')
    .description('give them up: what waits behind them goes on')
    .argument('[event]', 'its id: evt_…')
    .option(...consumer)
    .option('--all', 'all of them')
    .action(async (event, options) => (await actions()).dropDeadCommand(system(), event, options))
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}
