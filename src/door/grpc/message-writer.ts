import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { ProtoField, ProtoMessage } from '../../contract/documents/protobuf/proto-file.ts'

type Members = Readonly<Record<string, unknown>>

/** The bytes of an answer that was JSON. What is null or absent there is left out. */
export function writeProto(message: ProtoMessage, value: object): Uint8Array {
  const writer = new BinaryWriter()
  writeMembers(writer, message, value as Members)
  return writer.finish()
}

function writeMembers(writer: BinaryWriter, message: ProtoMessage, members: Members): void {
  for (const field of message.fields) {
    const value = members[field.json]
    if (value === undefined || value === null) continue
    if (!field.repeated) writeValue(writer, field, value)
    else if (field.kind === 'int32' || field.kind === 'int64' || field.kind === 'bool')
      writePacked(writer, field, value as unknown[])
    else for (const item of value as unknown[]) writeValue(writer, field, field.wraps ? { value: item } : item)
  }
}

function writeValue(writer: BinaryWriter, field: ProtoField, value: unknown): void {
  const { number, kind, message } = field
  switch (kind) {
    case 'message':
      writer.tag(number, WireType.LengthDelimited).fork()
      writeMembers(writer, message!, value as Members)
      writer.join()
      return
    case 'string':
      writer.tag(number, WireType.LengthDelimited).string(value as string)
      return
    case 'decimal':
      writer.tag(number, WireType.LengthDelimited).string(digitsOf(value as number))
      return
    default:
      writeNumber(writer.tag(number, WireType.Varint), kind, value)
  }
}

function writePacked(writer: BinaryWriter, { number, kind }: ProtoField, values: readonly unknown[]): void {
  if (values.length === 0) return
  writer.tag(number, WireType.LengthDelimited).fork()
  for (const value of values) writeNumber(writer, kind, value)
  writer.join()
}

function writeNumber(writer: BinaryWriter, kind: ProtoField['kind'], value: unknown): void {
  if (kind === 'bool') writer.bool(value as boolean)
  else if (kind === 'int32') writer.int32(value as number)
  else writer.int64(value as number)
}

/** Without an exponent: the fields of a contract have at most 15 decimals. */
function digitsOf(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toFixed(15).replace(/\.?0+$/, '') : text
}
