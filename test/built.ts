import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))
const ROOMS = ['src', 'services', 'test', 'examples/notes']
const builds = join(tmpdir(), `lintel-test-builds-${process.getuid?.() ?? ''}`)

let folder: string | undefined

/**
 * Where the repository stands as JavaScript, for the processes that tests start: a hook that removes types as they load takes a
 * thread of its own and half of what a start costs. Whoever comes first makes it; it is named after what it was made of.
 */
export function built(): string {
  folder ??= build()
  return folder
}

/** The same file there; undefined where it is none of the repository's TypeScript. */
export function builtFile(file: string): string | undefined {
  const path = relative(repository, file)
  const isOurs = path === 'system.ts' || ROOMS.some((room) => path.startsWith(room + sep))
  return isOurs && extname(path) === '.ts' ? join(built(), script(path)) : undefined
}

function build(): string {
  const files = ['system.ts', 'package.json', ...ROOMS.flatMap(filesOf)].filter((file) => !/\.test\.ts$/.test(file))
  const hash = createHash('sha256').update(repository)
  for (const file of files) hash.update(file).update(readFileSync(join(repository, file)))
  const made = join(builds, hash.digest('hex').slice(0, 16))
  if (existsSync(made)) {
    utimesSync(made, new Date(), new Date())
    return made
  }
  mkdirSync(builds, { recursive: true })
  removeOld()
  const making = mkdtempSync(join(builds, 'making-'))
  write(making, files)
  try {
    renameSync(making, made)
  } catch (error) {
    // Another was quicker.
    rmSync(making, { recursive: true })
    if (!existsSync(made)) throw error
  }
  return made
}

/** What nobody has used for a day. */
function removeOld(): void {
  for (const name of readdirSync(builds)) {
    const path = join(builds, name)
    const madeAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - madeAtMs > 86_400_000) rmSync(path, { recursive: true, force: true })
  }
}

function filesOf(room: string): string[] {
  return readdirSync(join(repository, room), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
    .sort()
}

function write(target: string, files: readonly string[]): void {
  for (const { path, text } of compiled(files.filter((file) => extname(file) === '.ts'))) {
    mkdirSync(dirname(join(target, path)), { recursive: true })
    writeFileSync(join(target, path), text)
  }
  for (const file of files.filter((file) => extname(file) !== '.ts')) {
    mkdirSync(dirname(join(target, file)), { recursive: true })
    copyFileSync(join(repository, file), join(target, file))
  }
  const manifest = readFileSync(join(repository, 'package.json'), 'utf8')
  writeFileSync(join(target, 'package.json'), manifest.replace(/("lintel-source": ".*)\.ts"/g, '$1.js"'))
  symlinkSync(join(repository, 'node_modules'), join(target, 'node_modules'))
}

/** Maps name a source beside the script, where there is none: what is ours has to have the same place in both. */
function compiled(files: readonly string[]): { path: string; text: string }[] {
  // What tsx itself uses.
  const { buildSync } = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild')
  const { outputFiles } = buildSync({
    absWorkingDir: repository,
    entryPoints: files,
    outdir: '.',
    outbase: '.',
    write: false,
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
  })
  return outputFiles.map(({ path, text }: { path: string; text: string }) => ({
    path: relative(repository, path),
    text: text.replace(/(\b(?:from|import)\s*\(?\s*["']\.[^"'\n]*)\.ts(["'])/g, '$1.js$2'),
  }))
}

function script(path: string): string {
  return path.replace(/\.ts$/, '.js')
}
