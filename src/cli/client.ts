import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, extname } from 'node:path'
import { clientFile } from '../client/file/client-file.ts'
import { tableOf } from '../client/table.ts'
import type { AnyContract } from '../contract/contract.ts'
import { newestVersion } from '../contract/documents/openapi.ts'
import { wrong } from './arguments.ts'
import { loadSystem } from './load-system.ts'

export interface ClientCommandOptions {
  readonly out: string
  readonly apiVersion?: number
  readonly check: boolean
}

/**
 * Writes a client of a system's API: as TypeScript that imports nothing, or as the table that `client` of `lintel/client` goes by. With
 * `check` nothing is written: it ends with 1 where the file is not what the contracts say.
 */
export async function clientCommand(file: string, { out, apiVersion, check }: ClientCommandOptions): Promise<void> {
  const contracts = (await loadSystem(file)).services.map(({ contract }) => contract)
  const text = textOf(out, contracts, apiVersion)
  if (currentText(out) === text) return console.log('up to date')
  if (check) {
    console.error(`${out} is not what the contracts say: run \`lintel client --out ${out}\` and commit what it writes.`)
    process.exitCode = 1
    return
  }
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, text)
  console.log(`${out}: written`)
}

function textOf(out: string, contracts: readonly AnyContract[], version: number | undefined): string {
  const newest = newestVersion(contracts)
  if (version !== undefined && version > newest)
    throw wrong(`--api-version is ${version}: give one from 1 to ${newest}, which is the newest`)
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

function currentText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
