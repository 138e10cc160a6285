import { existsSync, readFileSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Fault } from '../base/errors.ts'

/**
 * Imports a file of the project, with a Fault where Node or the project is not set up for it. In a project that is not of ES
 * modules tsx would load Lintel a second time, as CommonJS: its Problems would be strangers to the first, and each a 500.
 */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file)
  // Of .mts and .mjs the name says it.
  if (/\.[jt]s$/.test(path) && !isModule(path) && !readAsModules(path)) throw notAModule(path)
  const { href } = pathToFileURL(path)
  try {
    return await import(href)
  } catch (error) {
    if (!isOfTypeScript(error)) throw missing(error) ?? error
    // Node remembers that this address could not be loaded: under another one it asks again.
    if (await addTsx(path)) return await import(`${href}?tsx`).catch(failed)
    return failed(error)
  }
}

/** A Node that reads no TypeScript reads it with tsx, where the project has that. */
async function addTsx(path: string): Promise<boolean> {
  let loader: string
  try {
    loader = createRequire(path).resolve('tsx')
  } catch {
    return false
  }
  await import(pathToFileURL(loader).href)
  return true
}

function failed(error: unknown): never {
  if (!isOfTypeScript(error)) throw missing(error) ?? error
  // An installation for production leaves devDependencies out.
  const install = process.env.NODE_ENV === 'production' ? 'npm i tsx' : 'npm i -D tsx'
  throw new Fault(
    'TYPESCRIPT_UNSUPPORTED',
    `Node ${process.versions.node.split('.')[0]} reads no TypeScript. Run \`${install}\`, which Lintel then reads it with, ` +
      'use Node 22.18+, or give compiled JavaScript: --system dist/system.js',
    { cause: error },
  )
}

/** The Fault of an import that leads to nothing. */
function missing(error: unknown): Fault | undefined {
  const { code, message } = error as NodeJS.ErrnoException
  const [, kind, wanted, from] = /^Cannot find (module|package) '(.+)' imported from (.+)$/.exec(message) ?? []
  if (code !== 'ERR_MODULE_NOT_FOUND' || wanted === undefined || from === undefined) return undefined
  const what =
    kind === 'package'
      ? `the package ${wanted}, which is not installed`
      : `${wanted.startsWith('.') ? wanted : relative('', wanted)}, which does not exist`
  const where = from.startsWith('file:') ? fileURLToPath(from) : from
  return new Fault('NO_MODULE', `${relative('', where)} imports ${what}`, { cause: error })
}

function isOfTypeScript(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ERR_UNKNOWN_FILE_EXTENSION' && /"\.[cm]?ts"/.test(message)
}

function isModule(path: string): boolean {
  const manifest = nearestManifest(dirname(path))
  return manifest !== undefined && typeIn(manifest) === 'module'
}

interface Hooks {
  load(url: string, context: object, next: (url: string, context: object) => object): object
}

/**
 * A Node that reads TypeScript by itself is told that this project's is of ES modules, as TypeScript is that anybody writes today: `npm
 * init` says the opposite of every project. Returns whether there is such a Node.
 */
function readAsModules(path: string): boolean {
  const { registerHooks } = module as { registerHooks?: (hooks: Hooks) => void }
  if (!path.endsWith('.ts') || registerHooks === undefined || !Reflect.get(process.features, 'typescript')) return false
  const project = pathToFileURL(join(dirname(nearestManifest(dirname(path)) ?? path), '/')).href
  registerHooks({
    load(url, context, next) {
      const isOurs = url.startsWith(project) && /\.ts(?:\?|$)/.test(url) && !url.includes('/node_modules/')
      return next(url, isOurs ? { ...context, format: 'module-typescript' } : context)
    },
  })
  return true
}

function notAModule(path: string): Fault {
  const manifest = nearestManifest(dirname(path))
  const type = manifest === undefined ? undefined : typeIn(manifest)
  const name = manifest === undefined ? '' : relative('', manifest)
  const says =
    manifest === undefined
      ? 'there is no package.json that says so'
      : type === undefined
        ? `${name} does not say so`
        : `${name} says "type": "${type}"`
  return new Fault('NOT_A_MODULE', `${basename(path)} is an ES module, and ${says}. Run \`npm pkg set type=module\``)
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
