import { stripVTControlCharacters } from 'node:util'
import { Fault, Problem } from '../../base/errors.ts'
import { type Failure, failureOf } from '../fail.ts'

/**
 * What whoever has just saved a file should read: of an error that is no Fault its message, the line that Node shows with it, and
 * places in files of the project alone.
 */
export function ownFailureOf(error: unknown): Failure {
  if (error instanceof Fault || error instanceof Problem || !(error instanceof Error)) return failureOf(error)
  const text = (error.stack ?? String(error))
    .split('\n')
    .filter((line) => !isForeign(line))
    .join('\n')
    .trimEnd()
  return { text: `lintel: the system cannot be loaded\n${stripVTControlCharacters(text)}`, exitCode: 1 }
}

const OURS = new URL('../../', import.meta.url)

/** A line of a stack that leads to Node, to a package or to Lintel. */
function isForeign(line: string): boolean {
  if (!/^\s+at /.test(line)) return false
  return /\bnode:|[\\/]node_modules[\\/]|<anonymous>\)?$/.test(line) || line.includes(OURS.pathname)
}
