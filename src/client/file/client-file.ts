import { isInternal } from '../../contract/access.ts'
import type { AnyContract } from '../../contract/contract.ts'
import { newestVersion } from '../../contract/documents/openapi.ts'
import type { Operation } from '../../contract/operation.ts'
import type { Table } from '../connect.ts'
import { tableOf } from '../table.ts'
import { operationText, resourceText } from './calls-text.ts'
import { embedded } from './embedded.ts'
import { literal, memberName } from './type-text.ts'
import { type Types, typesOf } from './types.ts'

export interface ClientFileOptions {
  /** Of the API; the newest by default. */
  readonly version?: number | undefined
}

const EXPORTED = ['CallProblem', 'ClientOptions', 'Page', 'Pagination', 'Rows', 'TokenStore', 'Tokens']

/**
 * A client of these contracts as one TypeScript file that imports nothing: types under plain names, what there is to call, and the code
 * that does. For those who have no contract at hand; nothing that is hidden or internal is in it.
 */
export function clientFile(contracts: readonly AnyContract[], { version }: ClientFileOptions = {}): string {
  const types = typesOf(contracts)
  const api = contracts.map((contract) => apiText(contract, version ?? contract.latest, types)).join('')
  const surface = `/** A client of the API. A call that fails rejects with a CallProblem. */
export function client(options: ClientOptions): Api {
  return connect(TABLE, options) as Api
}

/** Whether a call was answered with this problem; without a code, with any. */
export function isProblem<C extends Code = Code>(error: unknown, code?: C): error is CallProblem & { readonly code: C } {
  return error instanceof CallProblem && (code === undefined || error.code === code)
}

/** What there is to call. */
export interface Api {
${api}}

${types.text()}
/** What a call may be answered with when it fails. */
export type Code =
${codesOf(contracts)}

const TABLE: Table = ${tableText(tableOf(contracts, version))}
`
  const { text, names } = embedded(surface, EXPORTED)
  const clashes = names.filter((name) => types.names().includes(name))
  const runtime = clashes.reduce((code, name) => code.replace(new RegExp(`\\b${name}\\b`, 'g'), `Client${name}`), text)
  return `${headOf(contracts, version)}\n${surface}\n${runtime}\n`
}

function headOf(contracts: readonly AnyContract[], version = newestVersion(contracts)): string {
  const services = contracts.map(({ name }) => name).join(', ')
  return `/*
 * A client of ${services}, version ${version} of the API, for browsers and Node 20 or newer. It needs nothing else.
 * Made by \`lintel client\`: do not change it, make it again.
 */
`
}

/** The members of a client that this contract brings. */
function apiText(contract: AnyContract, version: number, types: Types): string {
  const served = (contract.served as readonly Operation[]).filter(
    ({ route, access }) => route === undefined && !isInternal(access),
  )
  const own = served.filter(({ key }) => key === undefined)
  const text = Object.keys(contract.resources).map((key) => {
    const operations = served.filter((operation) => operation.key === key)
    if (operations.length === 0) return ''
    const calls = resourceText(contract, operations, version, types)
    return `  readonly ${memberName(key)}: ${types.members(`${types.nameOf(contract.name, key)}Calls`, calls)}\n`
  })
  return [...text, ...own.map((operation) => operationText(contract, operation, version, types))].join('')
}

function codesOf(contracts: readonly AnyContract[]): string {
  const codes = new Set(contracts.flatMap(({ problems }) => Object.keys(problems)))
  return [...codes]
    .sort()
    .map((code) => `  | ${literal(code)}`)
    .join('\n')
}

function tableText(table: Table): string {
  const entries = Object.entries(table).map(([name, entry]) => {
    if (typeof entry === 'string') return `  ${memberName(name)}: ${literal(entry)},\n`
    const verbs = Object.entries(entry).map(([verb, one]) => `    ${memberName(verb)}: ${literal(one)},\n`)
    return `  ${memberName(name)}: {\n${verbs.join('')}  },\n`
  })
  return `{\n${entries.join('')}}`
}
