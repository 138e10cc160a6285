import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { FieldFault } from '../../base/errors.ts'
import type { ProtoField, ProtoKind, ProtoMessage } from '../../contract/documents/protobuf/proto-file.ts'

export type Scalar = string | number | bigint | boolean
/** A message that was read: its values by the names of JSON, only those that were given. */
export type Members = Map<string, Value>
/** Null only as an item of a list. */
export type Value = Scalar | null | Members | Value[]

/** How deep messages may stand in each other, as in JSON (R-BODY-4). */
const MAX_DEPTH = 64

/**
 * Reads a message. Numbers of fields that it does not have are `faults`, as unknown members of JSON are (R-BODY-4): what a newer
 * client says must not be dropped in silence. Throws where the bytes are not protobuf.
 */
export function readProto(message: ProtoMessage, bytes: Uint8Array, faults: FieldFault[]): Members {
  const members: Members = new Map()
  readMembers(new BinaryReader(bytes), bytes.length, message, members, { path: '', depth: 0, faults })
  return members
}

interface Place {
  readonly path: string
  readonly depth: number
  readonly faults: FieldFault[]
}

function readMembers(reader: BinaryReader, end: number, message: ProtoMessage, members: Members, place: Place): void {
  if (place.depth > MAX_DEPTH) throw new RangeError(`messages are nested deeper than ${MAX_DEPTH}`)
  const fields = fieldsOf(message)
  while (reader.pos < end) {
    const [number, wireType] = reader.tag()
    const field = fields.get(number)
    if (field === undefined) {
      reader.skip(wireType, number)
      place.faults.push({ field: `${place.path}#${number}`, message: `is not a field of ${message.fullName}` })
    } else if (field.repeated) readItems(reader, field, wireType, members, place)
    else if (field.kind !== 'message') members.set(field.json, readScalar(reader, field.kind, wireType))
    else {
      // Of a message that is given twice the parts are put together, as protobuf says.
      const inner = (members.get(field.json) as Members | undefined) ?? new Map()
      members.set(field.json, readInner(reader, field, wireType, inner, place, ''))
    }
  }
  if (reader.pos !== end) throw new RangeError('a field is longer than its message')
}

function readItems(reader: BinaryReader, field: ProtoField, wireType: WireType, members: Members, place: Place): void {
  const items = (members.get(field.json) as Value[] | undefined) ?? []
  members.set(field.json, items)
  if (field.kind === 'message') {
    const item = readInner(reader, field, wireType, new Map(), place, `[${items.length}]`)
    items.push(field.wraps ? unwrapped(field.message!, item) : item)
  } else if (wireType === WireType.LengthDelimited && wireTypeOf(field.kind) === WireType.Varint) {
    const length = reader.uint32()
    const end = reader.pos + length
    if (end > reader.len) throw new RangeError('premature end')
    while (reader.pos < end) items.push(readScalar(reader, field.kind, WireType.Varint))
  } else items.push(readScalar(reader, field.kind, wireType))
}

function unwrapped({ fields: [value] }: ProtoMessage, item: Members): Value {
  return item.get(value!.json) ?? (value!.repeated ? [] : null)
}

function readInner(
  reader: BinaryReader,
  field: ProtoField,
  wireType: WireType,
  members: Members,
  { path, depth, faults }: Place,
  index: string,
): Members {
  expectType(field.kind, wireType)
  const length = reader.uint32()
  const end = reader.pos + length
  if (end > reader.len) throw new RangeError('premature end')
  const inner = { path: `${path}${field.json}${index}.`, depth: depth + 1, faults }
  readMembers(reader, end, field.message!, members, inner)
  return members
}

function readScalar(reader: BinaryReader, kind: ProtoKind, wireType: WireType): Scalar {
  expectType(kind, wireType)
  switch (kind) {
    case 'int32':
      return reader.int32()
    case 'int64':
      return reader.int64()
    case 'bool':
      return reader.bool()
    default:
      return reader.string(true)
  }
}

function expectType(kind: ProtoKind, wireType: WireType): void {
  if (wireType !== wireTypeOf(kind)) throw new TypeError(`a ${kind} has the wire type ${wireType}`)
}

function wireTypeOf(kind: ProtoKind): WireType {
  return kind === 'int32' || kind === 'int64' || kind === 'bool' ? WireType.Varint : WireType.LengthDelimited
}

const byNumber = new WeakMap<ProtoMessage, ReadonlyMap<number, ProtoField>>()

function fieldsOf(message: ProtoMessage): ReadonlyMap<number, ProtoField> {
  let fields = byNumber.get(message)
  if (fields === undefined) {
    fields = new Map(message.fields.map((field) => [field.number, field]))
    byNumber.set(message, fields)
  }
  return fields
}
