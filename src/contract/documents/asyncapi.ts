import type { Contract } from '../contract.ts'
import { dataVersion } from '../event.ts'
import { type About, infoOf } from './about.ts'
import type { AsyncApiDocument, Channel, Message, OperationObject } from './asyncapi-types.ts'
import { answerSchema, type JsonSchema } from './json-schema.ts'
import type { Reference } from './openapi-types.ts'
import { pascalCase, schemaNames } from './schema-names.ts'
import { shared } from './shared.ts'

export interface AsyncApiOptions {
  /** Name of the system, which is that of its stream on NATS and the first word of its subjects; `api` by default. */
  readonly title?: string
  readonly about?: About
  /** The system's own version, such as `1.4.0`; `1` by default. */
  readonly systemVersion?: string
  /** Name of a service: what it sends and receives alone. All services by default. */
  readonly service?: string
}

/**
 * The events of a whole system, as AsyncAPI 3.0: a channel for each event that a service publishes, with the message that NATS carries,
 * and an operation for everyone who sends or receives it. A pure function of the contracts.
 */
export function asyncapi(contracts: readonly Contract[], options: AsyncApiOptions = {}): AsyncApiDocument {
  const { title = 'api', systemVersion = '1' } = options
  const isMeant = ({ name }: Contract) => options.service === undefined || options.service === name
  const received = new Set(contracts.filter(isMeant).flatMap(receivedBy))
  const kept = shared(contracts, schemaNames(contracts))
  const channels: Record<string, Channel> = {}
  const messages: Record<string, Message> = {}
  const operations: Record<string, OperationObject> = {}

  for (const contract of contracts) {
    const { name: service, events, description } = contract
    for (const [type, spec] of Object.entries(events)) {
      const id = `${service}.${type}`
      if (!isMeant(contract) && !received.has(id)) continue
      const payload = kept.add(
        'schemas',
        `${pascalCase(type.replaceAll('.', '-'))}Data`,
        answerSchema(spec.data, kept.idRef),
      )
      messages[id] = {
        name: type,
        title: type,
        contentType: 'application/json',
        headers: headersOf(service, type, dataVersion(spec)),
        payload,
        'x-lintel-data-version': dataVersion(spec),
      }
      channels[id] = {
        address: `${title}.${service}.${type}`,
        title: type,
        description: `Events \`${type}\` of the service \`${service}\`${description ? ` (${description})` : ''}, in the order of each resource.`,
        messages: { [type]: to('components/messages', id) },
      }
      if (isMeant(contract))
        operations[`${service}.send.${type}`] = operationOn('send', id, type, `${service} publishes ${type}`)
    }
  }
  for (const { name: service, consumers } of contracts.filter(isMeant))
    for (const [key, { from, events }] of Object.entries(consumers))
      for (const type of Object.keys(events)) {
        // A consumer of a service that is no part of this document has no channel to point to.
        if (channels[`${from}.${type}`] === undefined) continue
        const summary = `${service} consumes ${type}, as ${service}.${key}`
        operations[`${service}.${key}.receive.${type}`] = operationOn('receive', `${from}.${type}`, type, summary)
      }
  return {
    asyncapi: '3.0.0',
    info: infoOf(withoutIdentifier(options.about ?? {}), { title, version: systemVersion, description: DESCRIPTION }),
    defaultContentType: 'application/json',
    channels,
    operations,
    components: { messages, schemas: kept.components().schemas },
  }
}

/** AsyncAPI knows a license by its name and its address alone. */
function withoutIdentifier({ license, ...about }: About): About {
  if (!license) return about
  const { identifier: _, ...rest } = license
  return { ...about, license: rest }
}

/** The channels that the consumers of a service listen to. */
function receivedBy({ consumers }: Contract): string[] {
  return Object.values(consumers).flatMap(({ from, events }) => Object.keys(events).map((type) => `${from}.${type}`))
}

const DESCRIPTION = [
  'Events leave with the transaction of their change and arrive at least once, in the order of each resource (`ce-subject`); `ce-id` tells a repeat.',
  'With NATS_URL they are messages of one JetStream stream, as the NATS binding of CloudEvents 1.0 has them in binary mode. Without it they stay in PostgreSQL, and nothing outside the system sees them.',
].join('\n\n')

function operationOn(action: 'send' | 'receive', channel: string, type: string, summary: string): OperationObject {
  const at = to('channels', channel)
  return { action, channel: at, summary, messages: [{ $ref: `${at.$ref}/messages/${pointer(type)}` }] }
}

/** CloudEvents attributes, and what says which request caused the event. */
function headersOf(service: string, type: string, version: number): JsonSchema {
  return {
    type: 'object',
    properties: {
      'ce-specversion': { type: 'string', const: '1.0' },
      'ce-id': { type: 'string', pattern: '^evt_[0-7][0-9a-hjkmnp-tv-z]{25}$', description: 'Id of the event.' },
      'ce-source': { type: 'string', const: `/${service}`, description: 'The service that publishes it.' },
      'ce-type': { type: 'string', const: type },
      'ce-subject': { type: 'string', description: 'Id of the resource that it happened to.' },
      'ce-time': { type: 'string', format: 'date-time', description: 'When it was committed.' },
      'ce-datacontenttype': { type: 'string', const: 'application/json' },
      'ce-dataschema': {
        type: 'string',
        pattern: `^urn:lintel:event:${service}:${type.replaceAll('.', '\\.')}:[1-9][0-9]*$`,
        description: `Ends with the version of the data: ${version} today. Events from before keep theirs.`,
      },
      traceparent: { type: 'string', description: 'W3C trace context of the request that caused it.' },
      tracestate: { type: 'string' },
      'lintel-request-id': { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
      'lintel-actor': { type: 'string', description: 'Who caused it: `user:usr_…`, `service:orders`.' },
    },
    required: ['ce-specversion', 'ce-id', 'ce-source', 'ce-type', 'ce-subject', 'ce-time'],
  }
}

function to(section: string, name: string): Reference {
  return { $ref: `#/${section}/${pointer(name)}` }
}

/** A part of a JSON pointer (RFC 6901). */
function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
