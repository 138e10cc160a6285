import { Fault } from '../base/errors.ts'
import type { ConsumerSpec } from '../contract/consumer.ts'
import type { EventSpec } from '../contract/event.ts'
import type { AnyResource } from '../contract/resource.ts'
import { type Backfill, backfillOf, beginBackfill, forgetBackfill, nextOfBackfill } from '../data/backfill.ts'
import { createLog, STDERR } from '../observe/log.ts'
import { runServices } from '../start/run-services.ts'
import { readSettings } from '../start/settings.ts'
import { contractsOf, type System } from '../start/system.ts'
import { loadSystem } from './load-system.ts'

export interface BackfillOptions {
  readonly yes?: boolean
  readonly again?: boolean
}

/**
 * Gives `<resource>.created` to the rows that were made before there was such an event, such as `order.created` to old orders (R-EVT-5).
 * Also beside a running system; one that was interrupted goes on where it was. Without `yes` it only says how many there are, and who
 * would hear of them.
 */
export async function backfillCommand(
  file: string,
  type: string,
  { yes, again = false }: BackfillOptions,
): Promise<void> {
  const system = await loadSystem(file)
  const { name, resource } = subjectOf(system, type)
  const settings = readSettings(process.env, contractsOf(system))
  const log = await createLog(settings.logLevel, { fd: STDERR })
  const services = await runServices(system, settings, { log, shared: true })
  try {
    const { run } = services.byName.get(name)!
    const plan = await run(async ({ tx }) => {
      if (again && yes) await forgetBackfill(tx, type)
      const found = await backfillOf(tx, type, resource, again)
      if (yes) await beginBackfill(tx, type, found)
      return found
    })
    if (!yes) console.log(planned(type, resource, plan, again))
    if (plan.left > 0) console.log(heardBy(system, type))
    if (!yes) return console.log('Nothing was done: --yes emits an event for each')
    let emitted = 0
    for (;;) {
      const rows = await run(async ({ tx, emit }) => {
        const some = await nextOfBackfill(tx, type, resource)
        for (const row of some ?? []) emit(type, row)
        return some?.length
      })
      if (rows === undefined) break
      emitted += rows
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${emitted} of ${plan.left}`)
    }
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
    const before = plan.emitted > 0 ? `, after ${plan.emitted} before` : ''
    console.log(`${type}: ${emitted} ${emitted === 1 ? 'event' : 'events'} emitted${before}`)
  } finally {
    await services.stop()
    await services.databases.stop()
  }
}

/** What is no longer kept may have been handled all the same: nobody can tell. */
function planned(type: string, { table }: AnyResource, { left, emitted }: Backfill, again: boolean): string {
  const rows = `${left} ${left === 1 ? 'row' : 'rows'} of ${table}`
  if (again) return `${rows}, whether they had ${type} or not`
  return `${rows} with no ${type} that is still kept${emitted > 0 ? `; ${emitted} were given theirs (--again begins anew)` : ''}`
}

function heardBy({ services }: System, type: string): string {
  const consumers = services.flatMap(({ contract }) =>
    Object.entries<ConsumerSpec>(contract.consumers)
      .filter(([, { events }]) => type in events)
      .map(([key]) => `${contract.name}.${key}`),
  )
  return consumers.length > 0
    ? `Each of these handles them as new, also for rows of which it has handled one: ${consumers.join(', ')}`
    : `No consumer of this system hears of ${type}`
}

/** The service that publishes the type, and the resource whose rows have all of its data. */
function subjectOf({ services }: System, type: string): { name: string; resource: AnyResource } {
  const contract = services.find((one) => type in one.contract.events)?.contract
  if (contract === undefined) {
    const known = services.flatMap((one) => Object.keys(one.contract.events))
    throw wrong(`"${type}" is no event of this system: ${known.join(', ') || 'it has none'}`)
  }
  const resource = Object.values<AnyResource>(contract.resources).find(({ name }) => name === type.split('.')[0])
  if (resource === undefined)
    throw wrong(`"${type}" is of no resource of ${contract.name}: there are no rows to emit it from`)
  const made = `${resource.name}.created`
  if (type !== made)
    throw wrong(`"${type}" tells of what may never have happened to a row: rows can be given ${made} alone`)
  const lacking = Object.keys((contract.events[type] as EventSpec).data).filter((field) => !(field in resource.shown))
  if (lacking.length > 0)
    throw wrong(`"${type}" has data that rows of ${resource.table} do not have: ${lacking.join(', ')}`)
  return { name: contract.name, resource }
}

function wrong(message: string): Fault {
  return new Fault('WRONG_ARGUMENT', message, { exitCode: 2 })
}
