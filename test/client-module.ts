import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { onTestFinished } from 'vitest'
import { clientFile } from '../src/client/file/client-file.ts'
import type { ClientOptions, Clients } from '../src/client/index.ts'
import type { AnyContract } from '../src/contract/contract.ts'

/** What tsx itself uses. */
const esbuild = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild')

/** TypeScript of one file as a script of its own, as a bundler makes it for a page. */
export function script(text: string, folder: string, options: object = {}): string {
  const { outputFiles } = esbuild.buildSync({
    stdin: { contents: text, resolveDir: folder, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    ...options,
  })
  return outputFiles[0].text
}

/** What `lintel client` writes for these contracts, loaded: the same calls as those of an inferred client. */
export async function clientModule<const T extends readonly AnyContract[]>(contracts: T) {
  const folder = mkdtempSync(join(tmpdir(), 'lintel-client-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'client.mjs')
  writeFileSync(file, script(clientFile(contracts), folder))
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
    client(options: ClientOptions): Clients<T>
    isProblem(error: unknown, code?: string): boolean
  }
}
