import type { Command } from 'commander'

/** Declares `lintel new …`. What it does is loaded when it is called. */
export function declareNew(program: Command, system: () => string): void {
  const made = program.command('new').description('write a service, or a resource of one')
  made
    .command('service')
    .description('write a service that has nothing yet, and name it in the system')
    .argument('<name>', 'such as orders, or stock-counts')
    .action(async (name) => (await import('./new-service.ts')).newServiceCommand(system(), name))
  made
    .command('resource')
    .description('write a resource: contract entry, migration and test')
    .argument('<service>', 'whose')
    .argument('<name>', 'its singular, such as order')
    .argument(
      '[fields...]',
      'name:kind, such as title:text price:money done:boolean status:oneOf(open,done) dueAt:time?',
    )
    .action(async (service, name, fields) =>
      (await import('./new-resource.ts')).newResourceCommand(system(), service, name, fields),
    )
}
