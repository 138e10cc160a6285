import { extname } from 'node:path'
import { clientFile } from '../client/file/client-file.ts'
import { tableOf } from '../client/table.ts'
import type { AnyContract } from '../contract/contract.ts'
import { newestVersion } from '../contract/documents/openapi.ts'
import { wrong } from './arguments.ts'
import { settleFiles } from './generated-files.ts'
import { loadSystem } from './load-system.ts'

export interface ClientCommandOptions {
  readonly out: string
  readonly apiVersion?: string
  readonly check: boolean
}

/**
 * Writes a client of a system's API: as TypeScript that imports nothing, or as the table that `client` of `lintel/client` goes by. With
 * `check` nothing is written: it ends with 1 where the file is not what the contracts say.
 */
export async function clientCommand(file: string, { out, apiVersion, check }: ClientCommandOptions): Promise<void> {
  const contracts = (await loadSystem(file)).services.map(({ contract }) => contract)
  const text = textOf(out, contracts, versionOf(apiVersion, newestVersion(contracts)))
  const version = apiVersion === undefined ? '' : ` --api-version ${apiVersion}`
  settleFiles([{ path: out, text }], { command: `client --out ${out}${version}`, check, left: [] })
}

function textOf(out: string, contracts: readonly AnyContract[], version: number | undefined): string {
  switch (extname(out)) {
    case '.ts':
    case '.mts':
      return clientFile(contracts, { version })
    case '.json':
      return `${JSON.stringify(tableOf(contracts, version), undefined, 2)}\n`
    default:
      throw wrong(`--out is "${out}": give a file that ends in .ts, .mts or .json`)
  }
}

function versionOf(text: string | undefined, newest: number): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= newest) return Number(text)
  throw wrong(`--api-version is "${text}": give a version of this API, 1${newest === 1 ? '' : ` to ${newest}`}`)
}
