import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { protoText } from '../contract/documents/protobuf/proto-text.ts'
import { lockOf, protobuf } from '../contract/documents/protobuf.ts'
import type { Service } from '../service/implement.ts'
import { findProtoLock, protoLockFile } from '../start/proto-lock.ts'
import { loadSystem } from './load-system.ts'

/**
 * Writes the `.proto` of every service, and a number for each new field into its lock. With `check` nothing is written: it
 * ends with 1 where a file is not what its contract says.
 */
export async function protoCommand(file: string, { out, check }: { out: string; check: boolean }): Promise<void> {
  const system = await loadSystem(file)
  const stale = system.services.flatMap((service) => protoFilesOf(service, out)).filter((one) => !isCurrent(one))
  for (const { path, text } of check ? [] : stale) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  for (const { path } of stale)
    console.log(`${relative('.', path)}: ${check ? 'not what the contract says' : 'written'}`)
  if (stale.length === 0) console.log('up to date')
  else if (check) {
    console.error('Run `lintel proto` and commit what it writes.')
    process.exitCode = 1
  }
}

interface TextFile {
  readonly path: string
  readonly text: string
}

function protoFilesOf(service: Service<any>, out: string): TextFile[] {
  const lock = lockOf(service.contract, findProtoLock(service))
  const files = [{ path: protoLockFile(service), text: `${JSON.stringify(lock, undefined, 2)}\n` }]
  for (let version = 1; version <= service.contract.latest; version++) {
    const proto = protobuf(service.contract, lock, version)
    files.push({ path: join(out, proto.path), text: protoText(proto) })
  }
  return files
}

function isCurrent({ path, text }: TextFile): boolean {
  try {
    return readFileSync(path, 'utf8') === text
  } catch {
    return false
  }
}
