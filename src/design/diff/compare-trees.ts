import { readDocument } from '../openapi/document.ts'
import { asyncapiFault, recognise, recogniseText } from '../openapi/recognise.ts'
import type { OpenFile } from '../openapi/references.ts'
import type { Path } from '../source/places.ts'
import { linesOf } from '../source/places.ts'
import { readSource, type Source } from '../source/source.ts'
import { type Change, changeOf, sortedChanges } from './change.ts'
import type { ReportChange } from './compare-schemas.ts'
import { compareEvents } from './events/compare-events.ts'
import type { Kind, Party } from './kinds.ts'
import { compareProtos } from './proto/compare-protos.ts'
import { compareDocuments } from './rest/compare-documents.ts'
import { compareMigrations, compareSql, type ReportMigration } from './sql/compare-migrations.ts'

/** One state of an interface: texts by their path, with / between folders. */
export type Tree = ReadonlyMap<string, string>

/** Where a document finds the files that it refers to. */
export type Files = Pick<Tree, 'get'>

/**
 * Compares two states: what has the same path is compared with its other state, files of SQL in one folder as migrations. Files
 * that are neither OpenAPI, AsyncAPI, protobuf nor SQL are left out. An Error names a file that cannot be read, and says why.
 */
export function compareTrees(old: Tree, now: Tree): Change[] {
  const changes: Change[] = []
  for (const [path, text] of [...old].sort(byPath)) {
    if (isSql(path) || !isKnown(path, text)) continue
    const same = now.get(path)
    if (same === undefined)
      changes.push(changeOf('document-removed', path, 'is gone', { file: path, side: 'old', line: 1, column: 1 }))
    else changes.push(...compareFiles({ path, text }, { path, text: same }, old, now))
  }
  for (const [path, text] of [...now].sort(byPath))
    if (!old.has(path) && !isSql(path) && isKnown(path, text))
      changes.push(changeOf('document-added', path, 'is new', { file: path, side: 'new', line: 1, column: 1 }))
  changes.push(...compareFolders(old, now))
  return sortedChanges(changes)
}

export interface NamedText {
  readonly path: string
  readonly text: string
}

/** Compares two files of one kind, whatever their names. `oldFiles` and `newFiles` are what they refer to. */
export function compareFiles(
  old: NamedText,
  now: NamedText,
  oldFiles: Files = new Map(),
  newFiles: Files = new Map(),
): Change[] {
  const kinds = [kindOf(old), kindOf(now)] as const
  if (kinds[0] !== kinds[1])
    throw new Error(`${old.path} is ${NAMES[kinds[0]]}, and ${now.path} is ${NAMES[kinds[1]]}: give two of one kind`)
  switch (kinds[0]) {
    case 'proto':
      return compareProtoFiles(old, now)
    case 'sql': {
      const [changes, report] = sqlReport(new Map([[now.path, old.text]]), new Map([[now.path, now.text]]))
      compareSql(now.path, old.text, now.text, report)
      return sortedChanges(changes)
    }
    default:
      return compareDocumentFiles(kinds[0], old, now, oldFiles, newFiles)
  }
}

type FileKind = 'openapi' | 'asyncapi' | 'proto' | 'sql'
const NAMES: Record<FileKind, string> = { openapi: 'OpenAPI', asyncapi: 'AsyncAPI', proto: 'protobuf', sql: 'SQL' }

function kindOf({ path, text }: NamedText): FileKind {
  if (path.endsWith('.proto')) return 'proto'
  if (isSql(path)) return 'sql'
  const seen = recogniseText(text)
  if (seen?.kind === 'other' && seen.seems === 'protobuf') return 'proto'
  if (seen?.kind === 'other')
    throw new Error(`${path} seems to be ${seen.seems}: give OpenAPI 3, AsyncAPI 3, protobuf or SQL`)
  const kind = recognise(sourceOf(path, text).value)
  if (kind.kind === 'other')
    throw new Error(`${path} seems to be ${kind.seems}: give OpenAPI 3, AsyncAPI 3, protobuf or SQL`)
  const fault = asyncapiFault(kind)
  if (fault) throw new Error(`${path} ${fault}`)
  return kind.kind
}

/** Whether a file of a folder is one of those that are compared: READMEs and lock files are not. */
function isKnown(path: string, text: string): boolean {
  if (path.endsWith('.proto')) return true
  return /\.(json|ya?ml)$/.test(path) && /["']?(openapi|asyncapi)["']?\s*:/.test(text.slice(0, 4096))
}

function isSql(path: string): boolean {
  return /\.sql$/i.test(path)
}

function sourceOf(path: string, text: string): Source {
  try {
    return readSource(path, text)
  } catch (error) {
    throw new Error(`${path} is neither JSON nor YAML: ${(error as Error).message}`, { cause: error })
  }
}

function compareDocumentFiles(
  kind: 'openapi' | 'asyncapi',
  old: NamedText,
  now: NamedText,
  oldFiles: Files,
  newFiles: Files,
): Change[] {
  const found: Found[] = []
  const report: ReportChange = (change, where, what, { source, path }, side) =>
    found.push({ change, where: where.trim(), what, source, path, side })
  const [before, after] = [sourceOf(old.path, old.text), sourceOf(now.path, now.text)]
  if (kind === 'asyncapi') compareEvents(before, after, opener(oldFiles), opener(newFiles), report)
  else compareDocuments(readDocument(before, opener(oldFiles)), readDocument(after, opener(newFiles)), report)
  return sortedChanges(placed(found, kind === 'asyncapi'))
}

interface Found {
  readonly change: Kind
  readonly where: string
  readonly what: string
  readonly source: Source
  readonly path: Path
  readonly side: 'old' | 'new'
}

function placed(found: readonly Found[], isEvents: boolean): Change[] {
  const paths = new Map<Source, Path[]>()
  for (const { source, path } of found) {
    const all = paths.get(source) ?? []
    all.push(path)
    paths.set(source, all)
  }
  const places = new Map([...paths].map(([source, all]) => [source, source.places(all).values()]))
  return found.map(({ change, where, what, source, side }) => {
    const place = { file: source.file, side, ...places.get(source)!.next().value! }
    return changeOf(change, where, what, place, isEvents ? partyOf(change) : undefined)
  })
}

/** Who sends and reads what AsyncAPI describes. */
function partyOf(kind: Kind): Party | undefined {
  if (kind.startsWith('sent-')) return 'publishers of events'
  return kind.startsWith('read-') ? 'consumers of events' : undefined
}

/** Opens files beside a document, out of the state that it belongs to. */
function opener(files: Files): OpenFile {
  const opened = new Map<string, Source | string>()
  return (from, name) => {
    const path = joined(from.file, name)
    const known = opened.get(path)
    if (known !== undefined) return known
    const text = files.get(path)
    const found = text === undefined ? `leads to ${path}, which does not exist` : sourceOf(path, text)
    opened.set(path, found)
    return found
  }
}

/** `a/b.yaml` and `../c.yaml` is `c.yaml`. */
function joined(from: string, name: string): string {
  const steps = from.split('/').slice(0, -1)
  for (const step of name.split('/')) {
    if (step === '..' && steps.length > 0 && steps.at(-1) !== '..') steps.pop()
    else if (step !== '.' && step !== '') steps.push(step)
  }
  return steps.join('/')
}

function compareProtoFiles(old: NamedText, now: NamedText): Change[] {
  const lines = { old: linesOf(old.text), new: linesOf(now.text) }
  const changes: Change[] = []
  try {
    compareProtos(old.text, now.text, (kind, where, what, offset, side) =>
      changes.push(
        changeOf(kind, where, what, { file: side === 'old' ? old.path : now.path, side, ...lines[side](offset) }),
      ),
    )
  } catch (error) {
    throw new Error(`${now.path} is not protobuf: it ${(error as Error).message}`, { cause: error })
  }
  return sortedChanges(changes)
}

/** Migrations, folder by folder. */
function compareFolders(old: Tree, now: Tree): Change[] {
  const all = new Set([...old.keys(), ...now.keys()].filter(isSql).map(folderOf))
  return [...all].sort().flatMap((folder) => {
    const [before, after] = [filesIn(old, folder), filesIn(now, folder)]
    const [changes, report] = sqlReport(before, after)
    compareMigrations(before, after, report)
    return changes
  })
}

function sqlReport(old: Tree, now: Tree): [Change[], ReportMigration] {
  const changes: Change[] = []
  return [
    changes,
    (kind, where, what, file, offset, side) =>
      changes.push(
        changeOf(kind, where, what, { file, side, ...linesOf((side === 'old' ? old : now).get(file) ?? '')(offset) }),
      ),
  ]
}

function filesIn(tree: Tree, folder: string): Tree {
  return new Map([...tree].filter(([path]) => isSql(path) && folderOf(path) === folder))
}

function folderOf(path: string): string {
  return path.split('/').slice(0, -1).join('/')
}

function byPath([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1
}
