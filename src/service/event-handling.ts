import { encodeId } from '../base/ids.ts'
import type { CarriedEvent } from '../events/carrier.ts'
import type { Begun, EventsOptions } from '../events/run.ts'
import type { Environment } from './environment.ts'
import type { Event } from './handler.ts'
import type { Service } from './implement.ts'
import type { UnitFor } from './unit.ts'
import { WorkContext } from './work-context.ts'

/** A transaction, and units of work in it. */
export interface BegunWork extends Begun {
  readonly unitFor: UnitFor
}

/** How the handlers of a service take events, and which consumers wait: those that send mail, where none can go out. */
export function eventHandling(
  { eventHandlers, mailers }: Service<any>,
  environment: Environment,
): Pick<EventsOptions<BegunWork>, 'handle' | 'waiting'> {
  return {
    handle(key, event, { unitFor }, { context, log, signal, deadline }) {
      const unit = unitFor(new WorkContext({ ...context, log, signal, deadline }))
      return eventHandlers.get(`${key}.${event.type}`)!(shown(event), Object.assign(unit, environment))
    },
    waiting: new Set(environment.mail === undefined ? mailers : []),
  }
}

function shown({ id, type, aggregateId, occurredAt, data }: CarriedEvent): Event {
  return { id: encodeId('evt', id), type, aggregateId, timestamp: occurredAt, data: JSON.parse(data) }
}
