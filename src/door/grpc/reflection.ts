import type { ServerHttp2Stream } from 'node:http2'
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { PROTO_TYPE } from './answers.ts'
import { descriptorBytes } from './descriptors.ts'
import { BadFrame, FrameReader, frameOf } from './frames.ts'
import { begin, type Ending } from './rpc-stream.ts'
import { HEALTH, reflectionFile } from './standard-services.ts'
import { CODES } from './status.ts'

/** Answers one request of a reflection stream, message for message. Throws where the bytes are no request. */
export type Reflection = (request: Uint8Array) => Uint8Array

/** gRPC server reflection, v1 and v1alpha: which services there are, and the files that describe them, by the path of the rpc. */
export function reflectionOf(files: readonly FileDescriptorProto[]): ReadonlyMap<string, Reflection> {
  const versions = (['v1', 'v1alpha'] as const).map((version) => ({ version, file: reflectionFile(version) }))
  const known = knownFiles([...files, HEALTH, ...versions.map(({ file }) => file)])
  return new Map(
    versions.map(({ version, file }) => {
      const name = `grpc.reflection.${version}`
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }))
      const request = registry.getMessage(`${name}.ServerReflectionRequest`)!
      const response = registry.getMessage(`${name}.ServerReflectionResponse`)!
      return [`/${name}.ServerReflection/ServerReflectionInfo`, (bytes) => answer(known, request, response, bytes)]
    }),
  )
}

/** Serves a stream of requests with an answer to each, until the caller ends it. */
export function reflect(reflection: Reflection, stream: ServerHttp2Stream): void {
  const reader = new FrameReader(MAX_REQUEST_BYTES)
  let ending: Ending = { code: CODES.OK }
  begin(stream, { 'content-type': PROTO_TYPE }, () => ending)
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const request of reader.push(chunk)) stream.write(frameOf(reflection(request)))
    } catch (error) {
      ending = {
        code: error instanceof BadFrame ? error.status : CODES.INVALID_ARGUMENT,
        message: (error as Error).message,
      }
      stream.pause()
      stream.end()
    }
  })
  stream.once('end', () => stream.end())
}

const MAX_REQUEST_BYTES = 64 * 1024

interface Known {
  readonly services: readonly string[]
  readonly byName: ReadonlyMap<string, Uint8Array>
  /** By the full name of anything that they declare. */
  readonly bySymbol: ReadonlyMap<string, Uint8Array>
}

function knownFiles(files: readonly FileDescriptorProto[]): Known {
  const byName = new Map<string, Uint8Array>()
  const bySymbol = new Map<string, Uint8Array>()
  const services: string[] = []
  for (const file of files) {
    const bytes = descriptorBytes(file)
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }))
    byName.set(file.name, bytes)
    for (const type of registry) {
      bySymbol.set(type.typeName, bytes)
      if (type.kind !== 'service') continue
      services.push(type.typeName)
      for (const { name } of type.methods) bySymbol.set(`${type.typeName}.${name}`, bytes)
    }
  }
  return { services, byName, bySymbol }
}

/** Made without generated types: the request is a oneof of its kinds. */
type Request = MessageShape<DescMessage> & {
  readonly host: string
  readonly messageRequest: { readonly case?: string; readonly value?: unknown }
}

function answer(known: Known, requestType: DescMessage, responseType: DescMessage, bytes: Uint8Array): Uint8Array {
  const originalRequest = fromBinary(requestType, bytes) as Request
  const { host, messageRequest } = originalRequest
  const messageResponse = responseTo(known, messageRequest)
  const response = create(responseType, { validHost: host, originalRequest, messageResponse } as Record<
    string,
    unknown
  >)
  return toBinary(responseType, response)
}

function responseTo(known: Known, { case: kind, value }: Request['messageRequest']) {
  switch (kind) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: known.services.map((name) => ({ name })) } }
    case 'fileByFilename':
      return fileResponse(known.byName.get(String(value)), value)
    case 'fileContainingSymbol':
      return fileResponse(known.bySymbol.get(String(value)), value)
    case 'allExtensionNumbersOfType':
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: String(value) } }
    default:
      return notFound('There are no extensions here')
  }
}

function fileResponse(bytes: Uint8Array | undefined, name: unknown) {
  if (bytes === undefined) return notFound(`${name} is not described here`)
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: [bytes] } }
}

function notFound(errorMessage: string) {
  return { case: 'errorResponse', value: { errorCode: CODES.NOT_FOUND, errorMessage } }
}
