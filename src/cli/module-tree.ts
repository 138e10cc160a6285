import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Contract } from '../contract/contract.ts'
import { asyncapi } from '../contract/documents/asyncapi.ts'
import { newestVersion, openapi } from '../contract/documents/openapi.ts'
import { type ProtoLock, readProtoLock } from '../contract/documents/protobuf/field-numbers.ts'
import { protoText } from '../contract/documents/protobuf/proto-text.ts'
import { lockOf, protobuf } from '../contract/documents/protobuf.ts'
import type { Tree } from '../design/diff/compare-trees.ts'
import { findProtoLock } from '../start/proto-lock.ts'
import { contractsOf, type System } from '../start/system.ts'
import { wrongUse } from './design-files.ts'
import { importModule } from './import-module.ts'

/** The documents of the system that a module exports by default, with its migrations; or of the contracts that it exports. */
export async function moduleTree(file: string): Promise<Tree> {
  const exported = await importModule(file)
  const { default: system } = exported as { default?: System }
  if (Array.isArray(system?.services)) return systemTree(system)
  const contracts = Object.values(exported).filter(isContract)
  if (contracts.length === 0)
    throw wrongUse(`${file} exports neither a system nor a contract: give system.ts, or a contract.ts`)
  const lock = lockBeside(file)
  return new Map([...documents(contracts), ...(lock ? contracts.flatMap((one) => protos(one, lock)) : [])])
}

function systemTree(system: System): Tree {
  const tree = new Map(documents(contractsOf(system)))
  for (const service of system.services) {
    for (const [path, text] of protos(service.contract, findProtoLock(service) ?? {})) tree.set(path, text)
    const folder = fileURLToPath(service.migrations)
    for (const name of existsSync(folder) ? readdirSync(folder) : [])
      if (name.endsWith('.sql'))
        tree.set(`${service.contract.name}/migrations/${name}`, readFileSync(join(folder, name), 'utf8'))
  }
  return tree
}

function documents(contracts: readonly Contract[]): [string, string][] {
  const versions = Array.from({ length: newestVersion(contracts) }, (_, i) => i + 1)
  return [
    ...versions.map((version): [string, string] => [
      `openapi/v${version}.json`,
      JSON.stringify(openapi(contracts, { version }), null, 2),
    ]),
    ['asyncapi.json', JSON.stringify(asyncapi(contracts), null, 2)],
  ]
}

function protos(contract: Contract, lock: ProtoLock): [string, string][] {
  const numbers = lockOf(contract, lock)
  return Array.from({ length: contract.latest }, (_, i) => {
    const proto = protobuf(contract, numbers, i + 1)
    return [`proto/${proto.path}`, protoText(proto)]
  })
}

/** Without the numbers of its fields a contract has no .proto that could be compared. */
function lockBeside(file: string): ProtoLock | undefined {
  const path = join(dirname(file), 'proto.lock.json')
  return existsSync(path) ? readProtoLock(path, JSON.parse(readFileSync(path, 'utf8'))) : undefined
}

function isContract(value: unknown): value is Contract {
  return typeof value === 'object' && value !== null && 'served' in value && 'resources' in value && 'events' in value
}
