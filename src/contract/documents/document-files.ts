import type { Contract } from '../contract.ts'
import { asyncapi } from './asyncapi.ts'
import { newestVersion, type OpenApiOptions, openapi } from './openapi.ts'

/** A document as it is kept in a repository. */
export interface DocumentFile {
  /** Below the folder of its kind. */
  readonly path: string
  readonly text: string
}

type FilesOptions = Pick<OpenApiOptions, 'title' | 'about' | 'systemVersion'>

/** `v1.json` is version 1 of the whole system, `orders/v1.json` of the service orders. */
export function openapiFiles(contracts: readonly Contract[], options: FilesOptions): DocumentFile[] {
  const versions = Array.from({ length: newestVersion(contracts) }, (_, i) => i + 1)
  return wholeAndServices(contracts).flatMap(({ folder, service }) =>
    versions.map((version) =>
      fileOf(`${folder}v${version}.json`, openapi(contracts, { ...options, ...service, version })),
    ),
  )
}

/** `events.json` is of the whole system, `orders/events.json` of what the service orders sends and receives. */
export function asyncapiFiles(contracts: readonly Contract[], options: FilesOptions): DocumentFile[] {
  return wholeAndServices(contracts).map(({ folder, service }) =>
    fileOf(`${folder}events.json`, asyncapi(contracts, { ...options, ...service })),
  )
}

function wholeAndServices(contracts: readonly Contract[]): { folder: string; service: { service?: string } }[] {
  return [
    { folder: '', service: {} },
    ...contracts.map(({ name }) => ({ folder: `${name}/`, service: { service: name } })),
  ]
}

function fileOf(path: string, document: object): DocumentFile {
  return { path, text: `${JSON.stringify(document, undefined, 2)}\n` }
}
