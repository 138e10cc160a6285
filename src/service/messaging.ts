import type { Attributes } from '../observe/span.ts'

/** What the span of an event says of it: its type, and nothing of its data. */
export function messaging(operation: 'send' | 'process', type: string): Attributes {
  return {
    'messaging.system': 'lintel',
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
    'messaging.destination.name': type,
  }
}
