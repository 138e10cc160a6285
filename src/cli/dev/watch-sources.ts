import { createHash } from 'node:crypto'
import { type FSWatcher, readdirSync, readFileSync, statSync, watch } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Fault } from '../../base/errors.ts'
import { importedFolders } from './imported-folders.ts'

export interface SourceWatch {
  /** Looks again for what the system imports from elsewhere. */
  refresh(): void
  close(): void
}

/** What editors write when they save once comes within this time. */
const TOGETHER_MS = 30

/**
 * Tells which files of a system have changed: in the folder of `file` and below, in folders outside from which it imports, and
 * `.env`. A save that changes nothing is not told. What is installed, built, hidden or a test is not looked at.
 *
 * Each folder is watched for itself: on Linux, Node's own way to watch a whole tree goes through node_modules, too.
 */
export function watchSources(file: string, changed: (files: readonly string[]) => void): SourceWatch {
  const root = dirname(resolve(file))
  const env = resolve('.env')
  const watchers = new Map<string, FSWatcher>()
  const known = new Map<string, string | undefined>()
  const touched = new Set<string>()
  let timer: NodeJS.Timeout | undefined

  function add(folder: string): void {
    if (watchers.has(folder)) return
    watchOne(folder, (path) => {
      touched.add(path)
      clearTimeout(timer)
      timer = setTimeout(look, TOGETHER_MS)
    })
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (isOfInterest(entry.name)) add(path)
      } else if (isSource(path)) known.set(path, contentOf(path))
    }
  }

  function watchOne(folder: string, touch: (path: string) => void): void {
    try {
      const watcher = watch(folder, (_, name) => name && touch(join(folder, name)))
      // A folder that goes says so, and its parent does too.
      watcher.on('error', () => drop(folder))
      watchers.set(folder, watcher)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      const limit = code === 'ENOSPC' ? ' (fs.inotify.max_user_watches is used up)' : ''
      throw new Fault('NOT_WATCHED', `${folder} cannot be watched: ${message}${limit}. Run \`lintel dev --no-watch\``)
    }
  }

  function drop(folder: string): void {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }

  function look(): void {
    const different: string[] = []
    for (const path of touched) {
      if (isFolder(path)) {
        if (!isOfInterest(basename(path)) || watchers.has(path)) continue
        add(path)
        different.push(...[...known.keys()].filter((one) => one.startsWith(join(path, '/'))))
      } else {
        drop(path)
        const content = path === env || isSource(path) ? contentOf(path) : undefined
        if (known.get(path) === content) continue
        known.set(path, content)
        different.push(path)
      }
    }
    touched.clear()
    if (different.length > 0) changed(different)
  }

  const refresh = () => {
    for (const folder of importedFolders(resolve(file), root)) add(folder)
  }
  add(root)
  refresh()
  known.set(env, contentOf(env))
  const folderOfEnv = dirname(env)
  const watcher = watchers.has(folderOfEnv)
    ? undefined
    : watch(folderOfEnv, (_, name) => {
        if (name !== '.env') return
        touched.add(env)
        clearTimeout(timer)
        timer = setTimeout(look, TOGETHER_MS)
      })
  return {
    refresh,
    close() {
      clearTimeout(timer)
      watcher?.close()
      for (const folder of [...watchers.keys()]) drop(folder)
    },
  }
}

const NOT_OURS = new Set(['node_modules', 'dist', 'build', 'out', 'coverage'])

function isOfInterest(folder: string): boolean {
  return !folder.startsWith('.') && !NOT_OURS.has(folder)
}

function isSource(path: string): boolean {
  const name = basename(path)
  return /\.([cm]?[jt]s|json|sql)$/.test(name) && !/\.(test|spec)\.|\.d\.[cm]?ts$/.test(name) && !name.startsWith('.')
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Undefined where it is not there. */
function contentOf(path: string): string | undefined {
  try {
    return createHash('sha1').update(readFileSync(path)).digest('base64')
  } catch {
    return undefined
  }
}
