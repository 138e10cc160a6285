import type { OpenFile } from '../../openapi/references.ts'
import { createReferences, type References } from '../../openapi/references.ts'
import { below, children, fieldsOf, has, type Spot, textOf } from '../../openapi/spot.ts'
import type { Source } from '../../source/source.ts'
import { createSchemaComparison, type ReportChange } from '../compare-schemas.ts'

/** A message that a system sends or receives. */
interface Message {
  readonly action: 'send' | 'receive'
  readonly channel: string
  readonly address: string
  readonly name: string
  readonly spot: Spot
  readonly payload: Spot | undefined
  readonly headers: Spot | undefined
  readonly contentType: string | undefined
}

interface EventDocument {
  readonly references: References
  readonly messages: ReadonlyMap<string, Message>
  readonly channels: ReadonlySet<string>
}

/** Compares two AsyncAPI 3 documents. What is sent has consumers, who read; what is received has publishers, who send. */
export function compareEvents(old: Source, now: Source, open: OpenFile, openNew: OpenFile, report: ReportChange): void {
  const before = readEvents(old, open)
  const after = readEvents(now, openNew)
  const schemas = createSchemaComparison({ old: before.references, now: after.references }, report)
  for (const [key, message] of before.messages) {
    const same = after.messages.get(key)
    const where = message.name
    if (!same) {
      report(
        message.action === 'send' ? 'event-removed' : 'received-event-removed',
        where,
        'is gone',
        message.spot,
        'old',
      )
      continue
    }
    if (message.address !== same.address)
      report('channel-address', where, `has the address ${same.address}, not ${message.address}`, same.spot, 'new')
    if ((message.contentType ?? JSON_TYPE) !== (same.contentType ?? JSON_TYPE))
      report(
        'event-content-type',
        where,
        `is ${same.contentType ?? JSON_TYPE} now, not ${message.contentType ?? JSON_TYPE}`,
        same.spot,
        'new',
      )
    const direction = message.action === 'send' ? 'read' : 'sent'
    if (message.payload && same.payload) schemas.compare([message.payload], [same.payload], direction, `${where} `)
    if (message.headers && same.headers)
      schemas.compare([message.headers], [same.headers], direction, `${where} header `)
  }
  for (const [key, { action, channel, name, spot }] of after.messages)
    if (!before.messages.has(key))
      report(
        action === 'send' && before.channels.has(channel) ? 'event-added-to-channel' : 'event-added',
        name,
        'is new',
        spot,
        'new',
      )
}

const JSON_TYPE = 'application/json'

function readEvents(source: Source, open: OpenFile): EventDocument {
  const references = createReferences(open)
  const { resolve } = references
  const top: Spot = { source, path: [], value: source.value }
  const messages = new Map<string, Message>()
  const channels = new Set<string>()
  const named = new Map(children(below(top, 'channels')).map(([name, one]) => [name, resolve(one)]))
  const operations = children(below(top, 'operations')).map(([, one]) => resolve(one))
  const used = new Set<unknown>()

  const add = (action: Message['action'], channelName: string, channel: Spot, name: string, given: Spot) => {
    const spot = resolve(given)
    const fields = fieldsOf(spot)
    const payload = has(spot, 'payload') ? below(spot, 'payload') : undefined
    const label = textOf(fields.name) ?? name
    messages.set(`${action} ${channelName} ${name}`, {
      action,
      channel: channelName,
      address: String(fieldsOf(channel).address ?? channelName),
      name: label,
      spot,
      payload: payload && has(payload, 'schemaFormat') && has(payload, 'schema') ? below(payload, 'schema') : payload,
      headers: has(spot, 'headers') ? below(spot, 'headers') : undefined,
      contentType: textOf(fields.contentType) ?? textOf(fieldsOf(top).defaultContentType),
    })
    channels.add(channelName)
  }

  for (const operation of operations) {
    const channel = resolve(below(operation, 'channel'))
    const channelName = [...named].find(([, one]) => one.value === channel.value)?.[0]
    if (channelName === undefined) continue
    used.add(channelName)
    const action = fieldsOf(operation).action === 'receive' ? 'receive' : 'send'
    const own = children(below(channel, 'messages'))
    const listed = children(below(operation, 'messages')).map(([, one]) => resolve(one).value)
    for (const [name, one] of own)
      if (listed.length === 0 || listed.includes(resolve(one).value)) add(action, channelName, channel, name, one)
  }
  // A channel that no operation names: what is in it is published by somebody.
  for (const [name, channel] of named)
    if (!used.has(name))
      for (const [message, one] of children(below(channel, 'messages'))) add('send', name, channel, message, one)
  // What the document itself sends has no other publisher.
  for (const [key, { action, channel }] of messages)
    if (action === 'receive' && messages.has(key.replace(`receive ${channel}`, `send ${channel}`))) messages.delete(key)
  return { references, messages, channels }
}
