import { encodeId } from '../base/ids.ts'
import type { Consumers } from '../contract/contract.ts'
import type { EventSpec } from '../contract/event.ts'
import type { CarriedEvent } from '../events/carrier.ts'
import type { EventContext } from '../events/headers.ts'
import type { Begun, EventsOptions } from '../events/run.ts'
import { type Attributes, recorded, type Tracer } from '../observe/span.ts'
import { type Environment, environmentOf, type Surroundings } from './environment.ts'
import { dataReader, type ReadData } from './event-data.ts'
import type { Event } from './handler.ts'
import type { Service } from './implement.ts'
import { messaging } from './messaging.ts'
import type { UnitFor } from './unit.ts'
import { WorkContext } from './work-context.ts'

/** A transaction, and units of work in it. */
export interface BegunWork extends Begun {
  readonly unitFor: UnitFor
}

/** How the handlers of a service take events, and which consumers wait: those that send mail, where none can go out. */
export function eventHandling(
  { contract, eventHandlers, mailers }: Service<any>,
  surroundings: Surroundings,
  tracer?: Tracer | undefined,
): Pick<EventsOptions<BegunWork>, 'handle' | 'waiting'> {
  const readers = new Map<string, ReadData>()
  const environments = new Map<string, Environment>()
  for (const [key, { events }] of Object.entries(contract.consumers as Consumers)) {
    environments.set(key, environmentOf(key, mailers, surroundings))
    for (const [type, spec] of Object.entries(events))
      readers.set(`${key}.${type}`, dataReader(type, spec as EventSpec))
  }
  return {
    handle(key, event, { tx, unitFor }, { context, log, time }) {
      const { type } = event
      const span = tracer?.root(`process ${type}`, 'consumer', context.trace, consumed(key, event, context))
      const unit = unitFor(new WorkContext({ ...context, span, log, time }), tx)
      const name = `${key}.${type}`
      const work = async () =>
        eventHandlers.get(name)!(shown(event, readers.get(name)!(event)), Object.assign(unit, environments.get(key)))
      return span === undefined ? work() : recorded(span, work)
    },
    waiting: new Set(surroundings.mail === undefined ? mailers : []),
  }
}

function consumed(key: string, { id, type }: CarriedEvent, { requestId }: EventContext): Attributes {
  return {
    ...messaging('process', type),
    'messaging.consumer.group.name': key,
    'messaging.message.id': encodeId('evt', id),
    'lintel.request_id': requestId,
  }
}

function shown({ id, type, aggregateId, occurredAt }: CarriedEvent, data: unknown): Event {
  return { id: encodeId('evt', id), type, aggregateId, timestamp: occurredAt, data }
}
