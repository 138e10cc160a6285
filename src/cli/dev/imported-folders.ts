import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'

/**
 * The folders outside `root` from which a module imports, directly or not: `../shared/money.ts`, and packages that are links to a
 * folder beside the project, as those of a workspace are. What is installed does not change while one works.
 */
export function importedFolders(file: string, root: string): Set<string> {
  const folders = new Set<string>()
  const seen = new Set<string>()
  const left = [file]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    if (!next.startsWith(root + sep)) folders.add(dirname(next))
    for (const specifier of specifiersOf(next)) {
      if (specifier.startsWith('.')) left.push(...fileOf(resolve(dirname(next), specifier)))
      else {
        const linked = linkedPackage(specifier, dirname(next))
        if (linked !== undefined && !linked.startsWith(root + sep)) folders.add(linked)
      }
    }
  }
  return folders
}

/** Found by their look: what only seems to be one leads to no file, or to a file that is watched for nothing. */
function specifiersOf(file: string): string[] {
  if (!/\.[cm]?[jt]s$/.test(file) || !existsSync(file)) return []
  const found = readFileSync(file, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"\n]+)['"]/g)
  return [...found].map(([, specifier]) => specifier!)
}

/** Compilers let an import name the file that is made of this one. */
function fileOf(path: string): string[] {
  const candidates = [path, path.replace(/\.([cm]?)js$/, '.$1ts')]
  const found = candidates.find((one) => statSync(one, { throwIfNoEntry: false })?.isFile())
  return found === undefined ? [] : [found]
}

function linkedPackage(specifier: string, folder: string): string | undefined {
  const [, name] = /^((?:@[^/]+\/)?[^/:]+)(?:\/|$)/.exec(specifier) ?? []
  if (name === undefined) return undefined
  const path = join(folder, 'node_modules', name)
  if (existsSync(path)) {
    const real = realpathSync(path)
    return real.split(sep).includes('node_modules') ? undefined : real
  }
  return dirname(folder) === folder ? undefined : linkedPackage(specifier, dirname(folder))
}
