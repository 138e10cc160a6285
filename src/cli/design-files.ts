import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { Fault } from '../base/errors.ts'
import { recogniseText } from '../design/openapi/recognise.ts'
import type { OpenFile } from '../design/openapi/references.ts'
import { MAX_CHARACTERS, readSource, type Source } from '../design/source/source.ts'

/** What a file is wrong in, or a flag: the command ends with 2. */
export function wrongUse(message: string, cause?: unknown): Fault {
  return new Fault('WRONG_ARGUMENT', message, { exitCode: 2, cause })
}

/** The text of a file. Fault: it cannot be read, or is too large. */
export function readText(file: string): string {
  try {
    const stats = statSync(file)
    if (stats.isDirectory()) throw wrongUse(`${file} is a folder: give a file`)
    if (stats.size > MAX_CHARACTERS) throw wrongUse(`${file} is larger than ${MAX_CHARACTERS / 1024 / 1024} MiB`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Fault) throw error
    const { code } = error as NodeJS.ErrnoException
    throw wrongUse(code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read (${code})`, error)
  }
}

/** A document that is given by name. Fault: one sentence that says what it seems to be instead. */
export function openSource(file: string): Source {
  return sourceOf(file, readText(file))
}

export function sourceOf(file: string, text: string): Source {
  const seen = recogniseText(text)
  if (seen?.kind === 'other') throw wrongUse(`${file} seems to be ${seen.seems}: ${seen.advice}`)
  try {
    return readSource(file, text)
  } catch (error) {
    throw wrongUse(`${file} is neither JSON nor YAML: ${(error as Error).message}`, error)
  }
}

/** Documents of several thousand files are bundled before they are published. */
const MAX_FILES = 2_000

/** Opens files that documents refer to, by their path from the document that names them; each once. */
export function filesBeside(given: readonly Source[] = []): OpenFile {
  const opened = new Map<string, Source | string>(given.map((source) => [source.file, source]))
  return (from, name) => {
    const file = relative('', join(dirname(from.file), name))
    const known = opened.get(file)
    if (known !== undefined) return known
    const found = opened.size < MAX_FILES ? open(file) : `is one of more than ${MAX_FILES} files`
    opened.set(file, found)
    return found
  }
}

function open(file: string): Source | string {
  // A document may be a stranger's: a pipe may never end, and a device has no size.
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) return 'cannot be followed: it is no ordinary file'
  try {
    return openSource(file)
  } catch (error) {
    return `cannot be followed: ${(error as Error).message}`
  }
}

/** Whether standard output is a terminal on which colours are welcome. */
export function wantsColours(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR
}

export function packageVersion(): string {
  return (createRequire(import.meta.url)('lintel/package.json') as { version: string }).version
}
