import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Fault } from '../base/errors.ts'

/**
 * Imports a file of the project, with a Fault where Node or the project is not set up for it. In a project that is not of ES
 * modules tsx would load Lintel a second time, as CommonJS: its Problems would be strangers to the first, and each a 500.
 */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file)
  // Of .mts and .mjs the name says it.
  if (/\.[jt]s$/.test(path)) requireModuleType(path)
  try {
    return await import(pathToFileURL(path).href)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_UNKNOWN_FILE_EXTENSION' || !/"\.[cm]?ts"/.test(message)) throw error
    throw new Fault(
      'TYPESCRIPT_UNSUPPORTED',
      `Node ${process.versions.node.split('.')[0]} reads no TypeScript. Use Node 22.18+, or \`npm i -D tsx\` and start with ` +
        '`node --import tsx node_modules/.bin/lintel start`, or give compiled JavaScript: --system dist/system.js',
      { cause: error },
    )
  }
}

function requireModuleType(path: string): void {
  const manifest = nearestManifest(dirname(path))
  const type = manifest === undefined ? undefined : typeIn(manifest)
  if (type === 'module') return
  const name = manifest === undefined ? '' : relative('', manifest)
  const says =
    manifest === undefined
      ? 'there is no package.json that says so'
      : type === undefined
        ? `${name} does not say so`
        : `${name} says "type": "${type}"`
  throw new Fault('NOT_A_MODULE', `${basename(path)} is an ES module, and ${says}. Run \`npm pkg set type=module\``)
}

function nearestManifest(folder: string): string | undefined {
  const manifest = join(folder, 'package.json')
  if (existsSync(manifest)) return manifest
  return dirname(folder) === folder ? undefined : nearestManifest(dirname(folder))
}

function typeIn(manifest: string): unknown {
  try {
    return JSON.parse(readFileSync(manifest, 'utf8')).type
  } catch (error) {
    throw new Fault('NOT_A_MODULE', `${relative('', manifest)} cannot be read: ${(error as Error).message}`)
  }
}
