import { encodeId } from '../base/ids.ts'
import type { Consumers } from '../contract/contract.ts'
import type { EventSpec } from '../contract/event.ts'
import type { CarriedEvent } from '../events/carrier.ts'
import type { EventContext } from '../events/headers.ts'
import type { Begun, EventsOptions } from '../events/run.ts'
import { type Attributes, recorded, type Tracer } from '../observe/span.ts'
import { type Environment, environmentOf, type Surroundings } from './environment.ts'
import { dataReader, type ReadData } from './event-data.ts'
import type { Event, Unit } from './handler.ts'
import type { Service } from './implement.ts'
import { messaging } from './messaging.ts'
import type { UnitFor } from './unit.ts'
import { WorkContext } from './work-context.ts'

/** A transaction, and units of work in it. */
export interface BegunWork extends Begun {
  readonly unitFor: UnitFor
}

interface Way {
  readonly read: ReadData
  readonly environment: Environment
  readonly handler: (event: Event, unit: Unit & Environment) => Promise<void>
}

/** How the handlers of a service take events, and which consumers wait: those that send mail, where none can go out. */
export function eventHandling(
  { contract, eventHandlers, mailers }: Service<any>,
  surroundings: Surroundings,
  tracer?: Tracer | undefined,
): Pick<EventsOptions<BegunWork>, 'handle' | 'waiting'> {
  /** By consumer and type. */
  const ways = new Map<string, ReadonlyMap<string, Way>>()
  for (const [key, { events }] of Object.entries(contract.consumers as Consumers)) {
    const environment = environmentOf(key, mailers, surroundings)
    const wayOf = ([type, spec]: [string, unknown]): [string, Way] => [
      type,
      { read: dataReader(type, spec as EventSpec), environment, handler: eventHandlers.get(`${key}.${type}`)! },
    ]
    ways.set(key, new Map(Object.entries(events).map(wayOf)))
  }
  return {
    handle(key, event, { tx, unitFor }, { context, log, time }) {
      const { type } = event
      const { read, environment, handler } = ways.get(key)!.get(type)!
      const span = tracer?.root(`process ${type}`, 'consumer', context.trace, consumed(key, event, context))
      const unit = unitFor(new WorkContext({ caller: context.caller, cause: context, span, log, time }), tx)
      const work = () => handler(shown(event, read(event)), Object.assign(unit, environment))
      return span === undefined ? work() : recorded(span, async () => work())
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
