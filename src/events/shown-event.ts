import { encodeId } from '../base/ids.ts'
import type { StoredEvent } from '../data/outbox.ts'
import { originOf } from './headers.ts'

export interface ShownEvent {
  readonly id: string
  readonly service: string
  readonly type: string
  readonly aggregateId: string
  readonly timestamp: string
  readonly requestId: string | undefined
  readonly actor: string | undefined
  readonly data: unknown
}

/** As the API shows events (R-EVT-1), with where it comes from and who caused it. */
export function shownEvent(
  service: string,
  { id, type, aggregateId, occurredAt, data, headers }: StoredEvent,
): ShownEvent {
  const { requestId, actor } = originOf(headers)
  return {
    id: encodeId('evt', id),
    service,
    type,
    aggregateId,
    timestamp: occurredAt,
    requestId,
    actor,
    data: JSON.parse(data) as unknown,
  }
}
