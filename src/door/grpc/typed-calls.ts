import { type FieldFault, MAX_FAULTS, Problem } from '../../base/errors.ts'
import { type Call, type Reply, textOf } from '../../call/call.ts'
import { pathOf } from '../../call/port-client.ts'
import type { ProtoRpc } from '../../contract/documents/protobuf/proto-file.ts'
import type { Pair } from '../../contract/list-query.ts'
import type { Operation } from '../../contract/operation.ts'
import { jsonOf } from './message-json.ts'
import { type Members, readProto, type Scalar } from './message-reader.ts'
import { writeProto } from './message-writer.ts'

/** An rpc that clients call with the messages of the `.proto`. */
export interface TypedRpc {
  readonly rpc: ProtoRpc
  readonly operation: Operation
  readonly version: number
}

type Typed = Omit<Call, 'context' | 'reach' | 'operation'>

/** What a request message asks, as a call over HTTP would have it. Problems: VALIDATION_ERROR. */
export function readTyped({ rpc, operation, version }: TypedRpc, bytes: Uint8Array): Typed {
  const faults: FieldFault[] = []
  let request: Members
  try {
    request = readProto(rpc.request, bytes, faults)
  } catch (error) {
    throw new Problem('VALIDATION_ERROR', `The message is not a ${rpc.request.fullName}: ${(error as Error).message}`)
  }
  const params = operation.params.map(({ name }) => {
    const value = request.get(name)
    // An empty one would be another path.
    if (value === undefined || value === '') faults.push({ field: name, message: 'is required' })
    return String(value)
  })
  const given = request.get('body') as Members | undefined
  const bodyMessage = rpc.request.fields.find(({ json }) => json === 'body')?.message
  const body = given && Buffer.from(jsonOf(bodyMessage!, given, faults))
  // Of a body the fields are named as JSON names them.
  const details = faults
    .slice(0, MAX_FAULTS)
    .map((one) => ({ ...one, field: one.field.replace(/^(body|query)\./, '') }))
  if (details.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details })
  const text = (name: string) => request.get(name) as string | undefined
  return {
    method: operation.method,
    version,
    params,
    query: pairsOf(request.get('query') as Members | undefined),
    path: pathOf(operation, version, params),
    body,
    contentType: body && 'application/json',
    ifMatch: text('ifMatch'),
    ifNoneMatch: text('ifNoneMatch'),
    idempotencyKey: text('idempotencyKey'),
  }
}

/** The response message of a reply. A 304 and a 204 have none of their fields. */
export function writeTyped({ rpc, operation }: TypedRpc, reply: Reply): Uint8Array {
  const text = textOf(reply)
  if (text === undefined) return EMPTY
  const value = JSON.parse(text) as object
  const isThing = operation.resource !== undefined && operation.verb !== 'list'
  return writeProto(rpc.response, isThing ? { [rpc.response.fields[0]!.json]: value } : value)
}

const EMPTY = new Uint8Array()

function pairsOf(query: Members = new Map()): Pair[] {
  const pairs: Pair[] = []
  for (const [name, value] of query)
    for (const one of Array.isArray(value) ? (value as Scalar[]) : [value as Scalar]) pairs.push([name, String(one)])
  return pairs
}
