import { join } from 'node:path'
import { protoText } from '../contract/documents/protobuf/proto-text.ts'
import { lockOf, protobuf } from '../contract/documents/protobuf.ts'
import type { Service } from '../service/implement.ts'
import { findProtoLock, protoLockFile } from '../start/proto-lock.ts'
import type { System } from '../start/system.ts'
import { filesLeft, type GeneratedFile, settleFiles } from './generated-files.ts'
import { loadSystem } from './load-system.ts'

/**
 * Writes the `.proto` of every service, and a number for each new field into its lock. With `check` nothing is written: it
 * ends with 1 where a file is not what its contract says.
 */
export async function protoCommand(file: string, { out, check }: { out: string; check: boolean }): Promise<void> {
  const files = protoFiles(await loadSystem(file), out)
  settleFiles(files, { command: 'proto', check, left: filesLeft(out, PROTO, files) })
}

/** `orders/v1/orders.proto`. */
const PROTO = /^[^/]+\/v\d+\/[^/]+\.proto$/

export function protoFiles({ services }: System, out: string): GeneratedFile[] {
  return services.flatMap((service) => protoFilesOf(service, out))
}

function protoFilesOf(service: Service<any>, out: string): GeneratedFile[] {
  const lock = lockOf(service.contract, findProtoLock(service))
  const files = [{ path: protoLockFile(service), text: `${JSON.stringify(lock, undefined, 2)}\n` }]
  for (let version = 1; version <= service.contract.latest; version++) {
    const proto = protobuf(service.contract, lock, version)
    files.push({ path: join(out, proto.path), text: protoText(proto) })
  }
  return files
}
