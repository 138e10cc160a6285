import { existsSync, statSync } from 'node:fs'
import { Fault } from '../base/errors.ts'
import { type Accepted, readAccepted } from '../design/diff/accepted.ts'
import type { Change } from '../design/diff/change.ts'
import { compareFiles, compareTrees, type Tree } from '../design/diff/compare-trees.ts'
import { sarifOf } from '../design/diff/sarif.ts'
import { summaryOf, textOf } from '../design/diff/text.ts'
import { openSource, packageVersion, readText, wantsColours, wrongUse } from './design-files.ts'
import { filesOnDisk, folderTree } from './design-trees.ts'
import { gitTree } from './git-tree.ts'
import { moduleTree } from './module-tree.ts'

export interface DiffOptions {
  readonly format: string
  readonly git?: string
  readonly failOn: string
  readonly accept?: string
  readonly all?: boolean
}

/** Prints what has changed between two states of an interface. Ends with 1 where something is broken, with 2 for wrong use. */
export async function diffCommand(paths: readonly string[], options: DiffOptions): Promise<void> {
  const { format, git, failOn, all = false } = options
  const accepted = acceptedFrom(options.accept)
  const changes = git === undefined ? await compareTwo(paths) : compareWithGit(git, paths)
  const [kept, wanted] = [changes.filter((one) => !accepted(one)), changes.filter(accepted)]
  if (format === 'json') console.log(JSON.stringify({ changes: kept, accepted: wanted }, null, 2))
  else if (format === 'sarif') console.log(JSON.stringify(sarifOf(kept, packageVersion()), null, 2))
  else {
    const text = textOf(kept, { colours: wantsColours(), all })
    if (text !== '') console.log(`${text}\n`)
    console.log(`${summaryOf(kept)}${wanted.length > 0 ? `, ${wanted.length} accepted` : ''}`)
  }
  const failing = failOn === 'risky' ? ['breaking', 'risky'] : ['breaking']
  if (kept.some(({ verdict }) => failing.includes(verdict))) process.exitCode = 1
}

async function compareTwo(paths: readonly string[]): Promise<Change[]> {
  const [old, now] = paths
  if (old === undefined || now === undefined || paths.length > 2)
    throw wrongUse(
      'lintel diff: give two documents, folders or modules, the old one first; or --git <ref> and what to compare',
    )
  for (const path of [old, now]) if (!existsSync(path)) throw wrongUse(`${path} does not exist`)
  if (isModule(old) && isModule(now)) return judged(await moduleTree(old), await moduleTree(now))
  if (isModule(old) || isModule(now))
    throw wrongUse(`${old} and ${now} are not of one kind: give two modules, or two documents`)
  const [isOldFolder, isFolder] = [old, now].map((path) => statSync(path).isDirectory())
  if (isOldFolder !== isFolder)
    throw wrongUse(`${isFolder ? now : old} is a folder, and ${isFolder ? old : now} is not: give two of one kind`)
  return isFolder
    ? judged(folderTree(old), folderTree(now))
    : sayingWhy(() => compareFiles(named(old), named(now), filesOnDisk, filesOnDisk))
}

/** Each path as it is now with what it was at the merge base of HEAD and `ref`. */
function compareWithGit(ref: string, paths: readonly string[]): Change[] {
  if (paths.length === 0) throw wrongUse('lintel diff --git: give what to compare, such as contracts/')
  return paths.flatMap((path) => {
    if (isModule(path)) throw wrongUse(`${path} is a module: --git compares documents, such as contracts/`)
    const old = gitTree(ref, path)
    if (old.size === 0) console.error(`lintel: ${path} is not at ${ref}: there is nothing to compare it with`)
    return judged(old, existsSync(path) ? folderTree(path) : new Map())
  })
}

function judged(old: Tree, now: Tree): Change[] {
  return sayingWhy(() => compareTrees(old, now))
}

function sayingWhy(compare: () => Change[]): Change[] {
  try {
    return compare()
  } catch (error) {
    if (error instanceof Fault || (error as Error).constructor !== Error) throw error
    throw wrongUse((error as Error).message, error)
  }
}

function named(path: string): { path: string; text: string } {
  return { path, text: readText(path) }
}

function isModule(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path)
}

const ACCEPTED = ['lintel-diff.yaml', 'lintel-diff.yml', 'lintel-diff.json']

/** That of the flag, or the one in this folder. */
function acceptedFrom(given: string | undefined): Accepted {
  const file = given ?? ACCEPTED.find((name) => existsSync(name))
  if (file === undefined) return () => false
  const { value } = openSource(file)
  try {
    return readAccepted(value)
  } catch (error) {
    throw wrongUse(`${file}: ${(error as Error).message}`, error)
  }
}
