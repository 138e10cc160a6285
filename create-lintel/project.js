import { cpSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A wrong use, told in one sentence. */
export class Refused extends Error {
  constructor(message, exitCode = 2) {
    super(message)
    this.exitCode = exitCode
  }
}

/** By the name of their folder. */
export const TEMPLATES = {
  api: 'one service, notes, open to everybody',
  users: 'notes that belong to users, who sign in (lintel/users)',
  services: 'notes, and a history of them that hears of events',
}

const own = (path) => fileURLToPath(new URL(path, import.meta.url))
const { version } = JSON.parse(readFileSync(own('package.json'), 'utf8'))

/** The last part of a path as the name of a package and of databases. */
export function checkName(path) {
  const name = basename(path)
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) && name.length <= 40) return name
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 40)
  throw new Refused(
    `"${name}" cannot be the name of a project: use at most 40 lower-case letters, digits and hyphens, ` +
      `beginning with a letter, such as ${better || 'my-api'}`,
  )
}

/** What is in a folder already is not ours to write over. */
export function checkTarget(path, shown) {
  if (existsSync(path) && !statSync(path).isDirectory())
    throw new Refused(`${shown} is a file: give the name of a new folder, or of an empty one`)
  const files = existsSync(path) ? readdirSync(path).filter((file) => file !== '.git') : []
  if (files.length > 0)
    throw new Refused(`${shown} has files in it (${files[0]}): give the name of a new folder, or of an empty one`)
}

/** A version is npm's to look up; a tarball or a folder has to be there. */
export function checkLintel(spec) {
  const isPath = /^\.{0,2}[\\/]|^[A-Za-z]:|\.(tgz|tar\.gz)$/.test(spec) && !/^[a-z+]+:\/\//.test(spec)
  if (isPath && !existsSync(spec))
    throw new Refused(`--lintel is "${spec}", which does not exist: give a version, or the path of a tarball`)
}

/** Writes all files of a project, and returns how many. */
export function writeProject(path, { name, template, lintel = version }) {
  for (const from of ['common', template]) cpSync(own(`templates/${from}`), path, { recursive: true })
  // npm would leave these out of a package, or read them.
  for (const file of ['gitignore', 'env']) renameSync(join(path, `_${file}`), join(path, `.${file}`))
  writeFileSync(join(path, 'package.json'), `${JSON.stringify(manifest(name, lintel), null, 2)}\n`)
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const { parentPath, name: file } of files) fill(join(parentPath, file), name)
  return files.length
}

function fill(file, name) {
  const text = readFileSync(file, 'utf8')
  if (text.includes('my-api')) writeFileSync(file, text.replaceAll('my-api', name))
}

/** JavaScript of the system in dist, and beside it what the compiler leaves behind: migrations and locks. Nothing of an earlier build stays. */
const BUILD = [
  `node -e "fs.rmSync('dist', { recursive: true, force: true })"`,
  'tsc -p tsconfig.build.json',
  `node -e "fs.cpSync('services', 'dist/services', { recursive: true, filter: (path) => !path.endsWith('.ts') })"`,
].join(' && ')

function manifest(name, lintel) {
  const reads = readsTypeScript()
  return {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: reads ? '>=22.18' : '>=20.19' },
    scripts: {
      dev: 'lintel dev',
      start: 'lintel start',
      migrate: 'lintel migrate',
      test: reads ? 'node --test' : 'node --import tsx --test services/*/*.test.ts',
      check: 'tsc',
      build: BUILD,
    },
    dependencies: {
      lintel: existsSync(lintel) ? `file:${resolve(lintel)}` : lintel,
      // No devDependency: `npm start` reads TypeScript in production too.
      ...(reads ? {} : { tsx: '4.23.15' }),
    },
    devDependencies: { '@types/node': '20.19.25', typescript: '6.0.3' },
  }
}

/** From 22.18 on without a flag. */
export function readsTypeScript([major = 0, minor = 0] = process.versions.node.split('.').map(Number)) {
  return major > 22 || (major === 22 && minor >= 18)
}
