import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type DescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'

type Message = MessageInitShape<typeof DescriptorProtoSchema>
type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>

/** `grpc/health/v1/health.proto`, as gRPC's health checking protocol has it. */
export const HEALTH: FileDescriptorProto = create(FileDescriptorProtoSchema, {
  name: 'grpc/health/v1/health.proto',
  package: 'grpc.health.v1',
  syntax: 'proto3',
  messageType: [
    { name: 'HealthCheckRequest', field: [field('service', 1, Type.STRING)] },
    {
      name: 'HealthCheckResponse',
      field: [{ ...field('status', 1, Type.ENUM), typeName: '.grpc.health.v1.HealthCheckResponse.ServingStatus' }],
      enumType: [
        {
          name: 'ServingStatus',
          value: ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'].map((name, number) => ({ name, number })),
        },
      ],
    },
  ],
  service: [
    {
      name: 'Health',
      method: ['Check', 'Watch'].map((name) => ({
        name,
        inputType: '.grpc.health.v1.HealthCheckRequest',
        outputType: '.grpc.health.v1.HealthCheckResponse',
        serverStreaming: name === 'Watch',
      })),
    },
  ],
})

/** `grpc/reflection/<version>/reflection.proto`: the two versions differ in their package alone. */
export function reflectionFile(version: 'v1' | 'v1alpha'): FileDescriptorProto {
  const of = (name: string) => `.grpc.reflection.${version}.${name}`
  const message = (name: string, number: number, type: string): Field => ({
    ...field(name, number, Type.MESSAGE),
    typeName: of(type),
  })
  const inOneof = (fields: readonly Field[]) => fields.map((one) => ({ ...one, oneofIndex: 0 }))
  const messages: Message[] = [
    {
      name: 'ServerReflectionRequest',
      oneofDecl: [{ name: 'message_request' }],
      field: [
        field('host', 1, Type.STRING),
        ...inOneof([
          field('file_by_filename', 3, Type.STRING),
          field('file_containing_symbol', 4, Type.STRING),
          message('file_containing_extension', 5, 'ExtensionRequest'),
          field('all_extension_numbers_of_type', 6, Type.STRING),
          field('list_services', 7, Type.STRING),
        ]),
      ],
    },
    {
      name: 'ExtensionRequest',
      field: [field('containing_type', 1, Type.STRING), field('extension_number', 2, Type.INT32)],
    },
    {
      name: 'ServerReflectionResponse',
      oneofDecl: [{ name: 'message_response' }],
      field: [
        field('valid_host', 1, Type.STRING),
        message('original_request', 2, 'ServerReflectionRequest'),
        ...inOneof([
          message('file_descriptor_response', 4, 'FileDescriptorResponse'),
          message('all_extension_numbers_response', 5, 'ExtensionNumberResponse'),
          message('list_services_response', 6, 'ListServiceResponse'),
          message('error_response', 7, 'ErrorResponse'),
        ]),
      ],
    },
    { name: 'FileDescriptorResponse', field: [repeated(field('file_descriptor_proto', 1, Type.BYTES))] },
    {
      name: 'ExtensionNumberResponse',
      field: [field('base_type_name', 1, Type.STRING), repeated(field('extension_number', 2, Type.INT32))],
    },
    { name: 'ListServiceResponse', field: [repeated(message('service', 1, 'ServiceResponse'))] },
    { name: 'ServiceResponse', field: [field('name', 1, Type.STRING)] },
    { name: 'ErrorResponse', field: [field('error_code', 1, Type.INT32), field('error_message', 2, Type.STRING)] },
  ]
  return create(FileDescriptorProtoSchema, {
    name: `grpc/reflection/${version}/reflection.proto`,
    package: `grpc.reflection.${version}`,
    syntax: 'proto3',
    messageType: messages,
    service: [
      {
        name: 'ServerReflection',
        method: [
          {
            name: 'ServerReflectionInfo',
            inputType: of('ServerReflectionRequest'),
            outputType: of('ServerReflectionResponse'),
            clientStreaming: true,
            serverStreaming: true,
          },
        ],
      },
    ],
  })
}

function field(name: string, number: number, type: Type): Field {
  const jsonName = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return { name, jsonName, number, type, label: Label.OPTIONAL }
}

function repeated(one: Field): Field {
  return { ...one, label: Label.REPEATED }
}
