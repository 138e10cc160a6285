import type { FieldFault } from '../../base/errors.ts'
import type { ProtoField, ProtoMessage } from '../../contract/documents/protobuf/proto-file.ts'
import { EMPTY_FIELDS } from '../../contract/documents/protobuf/requests.ts'
import type { Members, Value } from './message-reader.ts'

/**
 * The JSON text of a body, for the same checks that every body meets. An amount is written with the digits that were sent, so
 * that what JSON rejects for being inexact is rejected here too; and what is no number stays a text, which no amount may be.
 */
export function jsonOf(message: ProtoMessage, members: Members, faults: FieldFault[]): string {
  const empty = members.get(EMPTY_FIELDS) as string[] | undefined
  members.delete(EMPTY_FIELDS)
  for (const path of empty ?? []) setEmpty(message, members, path, faults)
  return objectJson(message, members)
}

function objectJson({ fields }: ProtoMessage, members: Members): string {
  let json = ''
  for (const field of fields) {
    const value = members.get(field.json)
    if (value === undefined) continue
    json += `${json === '' ? '' : ','}${JSON.stringify(field.json)}:${valueJson(field, value)}`
  }
  return `{${json}}`
}

function valueJson(field: ProtoField, value: Value): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `[${value.map((item) => itemJson(field, item)).join(',')}]`
  if (value instanceof Map) return objectJson(field.message!, value)
  if (typeof value === 'bigint') return String(value)
  if (field.kind === 'decimal' && NUMBER.test(value as string)) return value as string
  return JSON.stringify(value)
}

function itemJson(field: ProtoField, item: Value): string {
  return field.wraps && item !== null ? valueJson(field.message!.fields[0]!, item) : valueJson(field, item)
}

const NUMBER = /^-?(0|[1-9]\d{0,30})(\.\d{1,30})?$/

/** `address.street` and `items[0].note` are null, `tags[]` is an empty list. A name that there is not is a fault of its own. */
function setEmpty(message: ProtoMessage, members: Members, path: string, faults: FieldFault[]): void {
  const names = path.split('.')
  const last = names.pop()!
  let at: { message: ProtoMessage; members: Members } | undefined = { message, members }
  for (const name of names) at = at && inner(at.message, at.members, name)
  const name = last.replace(/\[\]$/, '')
  const field = at?.message.fields.find(({ json }) => json === name)
  const isList = name !== last
  if (!field || (isList && !field.repeated) || name === EMPTY_FIELDS)
    faults.push({ field: path, message: `is not a ${isList ? 'list' : 'field'} that can be empty` })
  else if (at!.members.has(name)) faults.push({ field: path, message: `has a value and stands in ${EMPTY_FIELDS}` })
  else at!.members.set(name, isList ? [] : null)
}

/** The object of this name, made where it is not given: then nothing else of it changes. */
function inner(message: ProtoMessage, members: Members, step: string) {
  const [, name = '', index] = /^(\w+)(?:\[(\d{1,6})\])?$/.exec(step) ?? []
  const field = message.fields.find(({ json }) => json === name)
  if (field?.message === undefined || field.repeated !== (index !== undefined)) return undefined
  const value = members.get(name) ?? (field.repeated ? undefined : new Map())
  if (value !== undefined) members.set(name, value)
  const found = index === undefined ? value : (value as Value[] | undefined)?.[Number(index)]
  return found instanceof Map ? { message: field.message, members: found } : undefined
}
