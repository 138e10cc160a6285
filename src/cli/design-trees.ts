import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Files, Tree } from '../design/diff/compare-trees.ts'
import { readText } from './design-files.ts'

/** What a folder may have that is compared, or referred to. */
const READ = /\.(json|ya?ml|proto|sql)$/i

/** The texts of a folder and of those in it, by their path from there; of a file, itself by its own name. */
export function folderTree(path: string): Tree {
  if (!statSync(path).isDirectory()) return new Map([[path, readText(path)]])
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => READ.test(name) && !/(^|\/)(node_modules|\.git)\//.test(name))
  return new Map(names.sort().map((name) => [name, readText(join(path, name))]))
}

/** Files as documents refer to them. */
export const filesOnDisk: Files = {
  get: (path) => (existsSync(path) && statSync(path).isFile() ? readText(path) : undefined),
}
