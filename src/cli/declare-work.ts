import type { Command } from 'commander'

/** Declares `lintel work …`. What it does is loaded when it is called. */
export function declareWork(program: Command, system: () => string): void {
  const actions = () => import('./work.ts')
  const job = ['--job <name>', 'only those of one kind, such as users.sendMail'] as const
  const work = program.command('work').description('see how jobs are doing, and send them again')
  work
    .command('status')
    .description('how many of each kind wait, run and are dead')
    .option('--json', 'as JSON, for programs')
    .action(async ({ json }) => (await actions()).statusCommand(system(), json))
  work
    .command('list')
    .description('those that have been due for longest first, the dead last')
    .option(...job)
    .option('--failed', 'only those that have failed: to be tried again, or dead')
    .option('--limit <n>', 'at most so many of each service', '100')
    .option('--json', 'as JSON, for programs')
    .action(async (options) => (await actions()).listCommand(system(), options))
  work
    .command('show')
    .description('one, with its data, the request that caused it, and its last error')
    .argument('<job>', 'its id: job_…')
    .action(async (id) => (await actions()).showCommand(system(), id))
  work
    .command('resend')
    .description('have one that has failed, or all that are dead, tried again, from the first attempt')
    .argument('[job]', 'its id: job_…')
    .option(...job)
    .option('--all', 'all that are dead')
    .action(async (id, options) => (await actions()).resendCommand(system(), id, options))
  work
    .command('drop')
    .description('give one up, or all that are dead')
    .argument('[job]', 'its id: job_…')
    .option(...job)
    .option('--all', 'all that are dead')
    .action(async (id, options) => (await actions()).dropCommand(system(), id, options))
}
