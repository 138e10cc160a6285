import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type DescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import type { ProtoField, ProtoFile, ProtoKind, ProtoMessage } from '../../contract/documents/protobuf/proto-file.ts'

/** A `.proto` file as reflection gives it to a client: made at run time, without protoc. */
export function descriptorOf({ path, package: name, service, messages }: ProtoFile): FileDescriptorProto {
  return create(FileDescriptorProtoSchema, {
    name: path,
    package: name,
    syntax: 'proto3',
    messageType: messages.map(messageDescriptor),
    service: [
      {
        name: service.name,
        method: service.rpcs.map(({ name, request, response }) => ({
          name,
          inputType: `.${request.fullName}`,
          outputType: `.${response.fullName}`,
        })),
      },
    ],
  })
}

export function descriptorBytes(file: FileDescriptorProto): Uint8Array {
  return toBinary(FileDescriptorProtoSchema, file)
}

function messageDescriptor({
  name,
  fields,
  nested,
  reserved,
}: ProtoMessage): MessageInitShape<typeof DescriptorProtoSchema> {
  const optional = fields.filter(isOptional)
  return {
    name,
    field: fields.map((field) => fieldDescriptor(field, optional.indexOf(field))),
    nestedType: nested.map(messageDescriptor),
    // What proto3 calls optional is a oneof of one, made by the compiler.
    oneofDecl: optional.map((field) => ({ name: `_${field.name}` })),
    reservedRange: reserved.numbers.map((number) => ({ start: number, end: number + 1 })),
    reservedName: [...reserved.names],
  }
}

function fieldDescriptor(field: ProtoField, oneofIndex: number): MessageInitShape<typeof FieldDescriptorProtoSchema> {
  const { name, json, number, kind, repeated, message } = field
  return {
    name,
    jsonName: json,
    number,
    label: repeated ? Label.REPEATED : Label.OPTIONAL,
    type: TYPES[kind],
    ...(message && { typeName: `.${message.fullName}` }),
    ...(oneofIndex >= 0 && { oneofIndex, proto3Optional: true }),
  }
}

function isOptional({ repeated, kind }: ProtoField): boolean {
  return !repeated && kind !== 'message'
}

const TYPES: Readonly<Record<ProtoKind, Type>> = {
  string: Type.STRING,
  decimal: Type.STRING,
  int32: Type.INT32,
  int64: Type.INT64,
  bool: Type.BOOL,
  message: Type.MESSAGE,
}
