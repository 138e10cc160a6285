import { Fault } from '../../base/errors.ts'
import type { Contract } from '../contract.ts'
import { snakeCase } from '../names.ts'
import type { Operation } from '../operation.ts'
import { surfaceOf } from '../versions.ts'
import { numbered, type Placed, type ProtoLock, updateLock } from './protobuf/field-numbers.ts'
import { draftFields } from './protobuf/fields.ts'
import type { Draft, ProtoFile, ProtoMessage, ProtoRpc } from './protobuf/proto-file.ts'
import { requestDraft } from './protobuf/requests.ts'
import { pascalCase, schemaName, schemaNames } from './schema-names.ts'
import { accessRule, summaryOf } from './wording.ts'

/**
 * A service in one version of its API, as a `.proto` file: an rpc for every operation, internal ones too, since only what has
 * a proof of the system may call it. A version is a package, `users.v2`, so that an older one stays as it is.
 *
 * Faults: `STALE_PROTO_LOCK` where a field has no number yet; `AMBIGUOUS_NAME` where two operations would be one rpc.
 */
export function protobuf(contract: Contract, lock: ProtoLock, version = contract.latest): ProtoFile {
  const draft = fileDraft(contract, version)
  const shared = new Map<string, ProtoMessage>()
  const made = (name: string) => {
    const message = numbered(placed(draft, draft.messages.get(name)!), lock, shared)
    shared.set(name, message)
    return message
  }
  for (const name of draft.messages.keys()) made(name)
  const rpcs = draft.rpcs.map(
    ({ request, response, ...rpc }): ProtoRpc => ({
      ...rpc,
      request: shared.get(request)!,
      response: shared.get(response)!,
    }),
  )
  return {
    path: `${draft.package.replace('.', '/')}/${snakeCase(contract.name)}.proto`,
    package: draft.package,
    service: {
      name: serviceName(contract),
      comment: contract.description ?? `Version ${version} of the service ${contract.name}.`,
      rpcs,
    },
    messages: [...shared.values()],
  }
}

/** The lock with a number for every field that the contract has, in each of its versions. */
export function lockOf(contract: Contract, before: ProtoLock = {}): ProtoLock {
  const messages: Placed[] = []
  for (let version = 1; version <= contract.latest; version++) {
    const draft = fileDraft(contract, version)
    for (const message of draft.messages.values()) messages.push(placed(draft, message))
  }
  return updateLock(before, messages)
}

/** The path of an rpc, as HTTP/2 has it: `/users.v2.UsersService/GetUser`. */
export function rpcPath(contract: Contract, operation: Operation, version: number): string {
  return `/${packageOf(contract, version)}.${serviceName(contract)}/${rpcName(contract, operation)}`
}

interface FileDraft {
  readonly package: string
  /** In the order in which the file declares them; what others refer to comes first. */
  readonly messages: ReadonlyMap<string, Draft>
  readonly rpcs: readonly RpcDraft[]
}

type RpcDraft = Omit<ProtoRpc, 'request' | 'response'> & { readonly request: string; readonly response: string }

function fileDraft(contract: Contract, version: number): FileDraft {
  const names = schemaNames([contract])
  const messages = new Map<string, Draft>()
  const rpcs: RpcDraft[] = []
  const operations = new Map<string, string>()
  const add = (draft: Draft) => {
    const there = messages.get(draft.name)
    if (there !== undefined && JSON.stringify(there) !== JSON.stringify(draft))
      throw new Fault(
        'AMBIGUOUS_NAME',
        `The contract "${contract.name}" would have two messages "${draft.name}": rename the resource or operation`,
      )
    messages.set(draft.name, draft)
    return draft.name
  }
  for (const operation of contract.served) {
    // A body of any type is no message.
    if (operation.route !== undefined) continue
    const surface = surfaceOf(contract, operation, version)
    const { resource, key, answer } = operation
    const resourceName = key === undefined ? undefined : schemaName(names, contract.name, key)
    const shown = answer && resource ? resourceName : undefined
    if (shown !== undefined) add({ name: shown, comment: resource!.description, fields: draftFields(surface.answer!) })
    if (operation.verb === 'list') add(PAGINATION)
    const name = rpcName(contract, operation)
    const before = operations.get(name)
    if (before !== undefined)
      throw new Fault(
        'AMBIGUOUS_NAME',
        `${before} and ${operation.id} would both be the rpc ${name}: rename one of them`,
      )
    operations.set(name, operation.id)
    rpcs.push({
      name,
      comment: `${operation.description ?? summaryOf(operation, resourceName, undefined)}. Open to: ${accessRule(operation.access)}.`,
      operation: operation.id,
      request: add(requestDraft(`${name}Request`, operation, surface)),
      response: add(responseDraft(`${name}Response`, operation, shown, surface.answer)),
    })
  }
  return { package: packageOf(contract, version), messages, rpcs }
}

function placed(file: Pick<FileDraft, 'package'>, draft: Draft): Placed {
  return { fullName: `${file.package}.${draft.name}`, draft }
}

/** A list as JSON has it; one thing below its name; what an operation of the contract's own answers, member by member. */
function responseDraft(
  name: string,
  operation: Operation,
  shown: string | undefined,
  answer: Operation['answer'],
): Draft {
  if (!answer) return { name, fields: [] }
  if (shown === undefined) return { name, fields: draftFields(answer) }
  if (operation.verb !== 'list')
    return {
      name,
      fields: [{ json: shown.charAt(0).toLowerCase() + shown.slice(1), kind: 'message', repeated: false, of: shown }],
    }
  return {
    name,
    fields: [
      { json: 'data', kind: 'message', repeated: true, of: shown },
      { json: 'pagination', kind: 'message', repeated: false, of: PAGINATION.name },
    ],
  }
}

const PAGINATION: Draft = {
  name: 'Pagination',
  fields: [
    { json: 'total', kind: 'int64', repeated: false },
    { json: 'totalIsEstimate', kind: 'bool', repeated: false },
    { json: 'page', kind: 'int32', repeated: false },
    { json: 'limit', kind: 'int32', repeated: false },
    { json: 'hasMore', kind: 'bool', repeated: false },
    { json: 'nextCursor', kind: 'string', repeated: false },
  ],
}

function packageOf({ name }: Contract, version: number): string {
  return `${snakeCase(name)}.v${version}`
}

function serviceName({ name }: Contract): string {
  return `${pascalCase(name)}Service`
}

/** As the typed client's functions are called: `ListUsers`, `ListAllOrders`, `GetUser`, `Login`. */
function rpcName(contract: Contract, { key, name, verb }: Operation): string {
  if (key === undefined) return pascalCase(name)
  return (
    pascalCase(name) + (verb === 'list' ? pascalCase(key) : schemaName(schemaNames([contract]), contract.name, key))
  )
}
