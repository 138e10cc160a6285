import { readYaml } from '../../base/yaml-text.ts'
import { offsetsInJson } from './json-offsets.ts'
import { linesOf, type Path, type Place } from './places.ts'

/** A JSON or YAML text: its value, and where each part of it stands. */
export interface Source {
  /** As messages name it. */
  readonly file: string
  readonly value: unknown
  /** Where the key (or the element) at each path stands; of the deepest that exists where a path leads into nothing. */
  places(paths: readonly Path[]): Place[]
}

/** The largest public documents have 12 MiB. */
export const MAX_CHARACTERS = 32 * 1024 * 1024

/** Reads a JSON or YAML text. An Error says in one sentence what is wrong with it, and where. */
export function readSource(file: string, given: string): Source {
  const text = given.replace(/^\uFEFF/, '')
  if (text.length > MAX_CHARACTERS) throw new Error(`is larger than ${MAX_CHARACTERS / 1024 / 1024} MiB`)
  const lines = linesOf(text)
  if (/^\s*[[{]/.test(text)) {
    try {
      const value: unknown = JSON.parse(text)
      checkDepth(value)
      return { file, value, places: (paths) => offsetsInJson(text, paths).map(lines) }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      // YAML has all that JSON has, and more; its parser says where a mistake is.
    }
  }
  const { value, offsetOf } = yamlOf(text)
  checkDepth(value)
  return { file, value, places: (paths) => paths.map((path) => lines(offsetOf(path))) }
}

const MAX_DEPTH = 500

/** Everything else may then call itself for each level. */
function checkDepth(value: unknown): void {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new Error(`is nested more than ${MAX_DEPTH} levels deep`)
    const next = new Set<unknown>()
    for (const one of level)
      if (typeof one === 'object' && one !== null)
        for (const member of Object.values(one)) if (typeof member === 'object' && member !== null) next.add(member)
    level = [...next]
  }
}

function yamlOf(text: string) {
  try {
    return readYaml(text)
  } catch (error) {
    if (error instanceof RangeError) throw new Error('is nested too deeply')
    // What follows from the first mistake says no more.
    throw new Error((error as Error).message.split('; ', 1)[0], { cause: error })
  }
}
