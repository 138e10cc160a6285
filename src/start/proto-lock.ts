import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Fault } from '../base/errors.ts'
import { type ProtoLock, readProtoLock } from '../contract/documents/protobuf/field-numbers.ts'
import type { Service } from '../service/implement.ts'

/** Where the numbers of a service's protobuf fields are kept: beside its migrations, and committed like them. */
export function protoLockFile({ migrations }: Pick<Service<any>, 'migrations'>): string {
  return fileURLToPath(new URL('../proto.lock.json', migrations))
}

/** Undefined where there is no such file. */
export function findProtoLock(service: Pick<Service<any>, 'migrations'>): ProtoLock | undefined {
  const file = protoLockFile(service)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Fault('INVALID_PROTO_LOCK', `${file} is not JSON: take it from version control, do not write it anew`, {
      cause,
    })
  }
  return readProtoLock(file, value)
}
