import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { wrong } from './arguments.ts'

/** A file that is made of contracts, and committed. */
export interface GeneratedFile {
  readonly path: string
  readonly text: string
}

export interface GeneratedOptions {
  /** The command that writes them, for the message. */
  readonly command: string
  /** Write nothing: it ends with 1 where a file is not what its contract says. */
  readonly check: boolean
  /** Files that contracts no longer make, which are to be deleted by hand. */
  readonly left: readonly string[]
}

/** Writes what has changed, and says which. */
export function settleFiles(files: readonly GeneratedFile[], { command, check, left }: GeneratedOptions): void {
  const stale = files.filter((one) => !isCurrent(one))
  for (const one of check ? [] : stale) write(one)
  for (const { path } of stale)
    console.log(`${relative('.', path)}: ${check ? 'not what the contract says' : 'written'}`)
  for (const path of left) console.log(`${relative('.', path)}: of no contract any more, delete it`)
  if (stale.length === 0 && left.length === 0) console.log('up to date')
  else if (check) {
    console.error(`Run \`lintel ${command}\` and commit what it writes.`)
    process.exitCode = 1
  }
}

/** The files of these names below a folder that are none of `files`. */
export function filesLeft(folder: string, name: RegExp, files: readonly GeneratedFile[]): string[] {
  const made = new Set(files.map(({ path }) => resolve(path)))
  return entriesOf(folder)
    .filter((path) => name.test(path))
    .map((path) => join(folder, path))
    .filter((path) => !made.has(resolve(path)))
    .sort()
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR') throw wrong(`--out is ${folder}, which is a file: give a folder`)
    throw wrong(`--out is ${folder}, which cannot be read (${code}): give a folder that this user may read and write`)
  }
}

function write({ path, text }: GeneratedFile): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  } catch (error) {
    throw wrong(
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code}): --out must be a folder to write to`,
    )
  }
}

function isCurrent({ path, text }: GeneratedFile): boolean {
  try {
    return readFileSync(path, 'utf8') === text
  } catch {
    return false
  }
}
