import { Fault } from '../../../base/errors.ts'
import { snakeCase } from '../../names.ts'
import type { Draft, DraftField, ProtoField, ProtoMessage } from './proto-file.ts'

/**
 * The committed numbers of a service's fields, by the full name of the message. A number is given once: that of a field which
 * is gone, or whose type has changed, stays reserved for ever.
 */
export type ProtoLock = Readonly<Record<string, LockedMessage>>

export interface LockedMessage {
  /** By name: `"unit_price": "string = 4"`. */
  readonly fields: Readonly<Record<string, string>>
  /** Numbers of fields that are gone, by the names that they had. */
  readonly reserved?: Readonly<Record<string, readonly number[]>>
}

/** A draft with its package, and the messages inside it with theirs. */
export interface Placed {
  readonly fullName: string
  readonly draft: Draft
}

/** The lock with a number for every field of these messages, and without one for what none of them has any more. */
export function updateLock(lock: ProtoLock, messages: readonly Placed[]): ProtoLock {
  const updated: Record<string, LockedMessage> = {}
  const drafts = new Map(messages.flatMap(withInner).map(({ fullName, draft }) => [fullName, draft]))
  for (const name of [...new Set([...Object.keys(lock), ...drafts.keys()])].sort())
    updated[name] = updateMessage(lock[name] ?? { fields: {} }, drafts.get(name)?.fields ?? [])
  return updated
}

function updateMessage(locked: LockedMessage, wanted: readonly DraftField[]): LockedMessage {
  const fields: Record<string, string> = {}
  const reserved: Record<string, readonly number[]> = { ...locked.reserved }
  const types = new Map(wanted.map((field) => [nameOf(field), typeOf(field)]))
  const given: number[] = Object.values(reserved).flat()
  for (const [name, entry] of Object.entries(locked.fields)) {
    const { type, number } = readEntry(entry)
    given.push(number)
    if (types.get(name) === type) fields[name] = entry
    else reserved[name] = [...(reserved[name] ?? []), number]
  }
  let next = Math.max(0, ...given) + 1
  for (const [name, type] of types) {
    if (fields[name] !== undefined) continue
    // protobuf keeps these for itself.
    if (next === 19_000) next = 20_000
    fields[name] = `${type} = ${next++}`
  }
  return Object.keys(reserved).length === 0 ? { fields } : { fields, reserved }
}

/** Gives the fields of a message their numbers. A Fault `STALE_PROTO_LOCK` where the lock has none, or has it for another type. */
export function numbered(
  { fullName, draft }: Placed,
  lock: ProtoLock,
  shared: ReadonlyMap<string, ProtoMessage>,
): ProtoMessage {
  const locked = lock[fullName] ?? { fields: {} }
  const nested: ProtoMessage[] = []
  const fields = draft.fields.map((field): ProtoField => {
    const name = nameOf(field)
    const entry = locked.fields[name]
    const { type, number } = entry === undefined ? { type: undefined, number: 0 } : readEntry(entry)
    if (type !== typeOf(field))
      throw new Fault(
        'STALE_PROTO_LOCK',
        `proto.lock.json has no number for ${fullName}.${name} (${typeOf(field)}): run \`lintel proto\` and commit what it writes`,
      )
    const { json, kind, repeated, of, wraps = false, comment } = field
    let message = typeof of === 'string' ? shared.get(of) : undefined
    if (typeof of === 'object') {
      message = numbered({ fullName: `${fullName}.${of.name}`, draft: of }, lock, shared)
      nested.push(message)
    }
    return { name, json, number, kind, repeated, message, wraps, comment }
  })
  const names = new Set(fields.map(({ name }) => name))
  const reserved = Object.entries(locked.reserved ?? {})
  return {
    name: draft.name,
    fullName,
    comment: draft.comment,
    fields: fields.sort((a, b) => a.number - b.number),
    nested,
    reserved: {
      numbers: reserved.flatMap(([, numbers]) => numbers).sort((a, b) => a - b),
      names: reserved.map(([name]) => name).filter((name) => !names.has(name)),
    },
  }
}

/** A lock as its file has it. A Fault `INVALID_PROTO_LOCK` says what is wrong with it. */
export function readProtoLock(file: string, value: unknown): ProtoLock {
  const refuse = (message: string) => new Fault('INVALID_PROTO_LOCK', `${file} ${message}`)
  if (!isObject(value)) throw refuse('must be an object with the full names of messages')
  for (const [message, locked] of Object.entries(value)) {
    if (!isObject(locked) || !isObject(locked.fields)) throw refuse(`must have "fields" in "${message}"`)
    const numbers: unknown[] = Object.values(locked.reserved ?? {}).flat()
    for (const entry of Object.values(locked.fields)) numbers.push(readEntry(String(entry)).number)
    const twice = numbers.find((one, i) => numbers.indexOf(one) < i)
    if (twice !== undefined)
      throw refuse(`has the number ${twice} twice in "${message}": take one of them from version control`)
    const wrong = numbers.find((one) => !Number.isSafeInteger(one))
    if (wrong !== undefined) throw refuse(`has "${wrong}" among the reserved numbers of "${message}"`)
  }
  return value as ProtoLock
}

function isObject(value: unknown): value is Record<string, any> {
  return typeof value === 'object' && value !== null
}

function withInner({ fullName, draft }: Placed): Placed[] {
  const inner = draft.fields.flatMap(({ of }) => (typeof of === 'object' ? [of] : []))
  return [{ fullName, draft }, ...inner.flatMap((of) => withInner({ fullName: `${fullName}.${of.name}`, draft: of }))]
}

function nameOf({ json }: DraftField): string {
  return snakeCase(json)
}

/** What decides how the bytes of a field are read: a field of another type may not have its number. */
function typeOf({ kind, repeated, of }: DraftField): string {
  const type = kind === 'message' ? (typeof of === 'string' ? of : of!.name) : kind === 'decimal' ? 'string' : kind
  return repeated ? `repeated ${type}` : type
}

function readEntry(entry: string): { type: string; number: number } {
  const [, type, digits] = /^((?:repeated )?\w+) = ([1-9]\d{0,8})$/.exec(entry) ?? []
  if (type === undefined)
    throw new Fault('INVALID_PROTO_LOCK', `proto.lock.json has the entry "${entry}": expected one like "string = 4"`)
  return { type, number: Number(digits) }
}
