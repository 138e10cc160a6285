import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import type { Tree } from '../design/diff/compare-trees.ts'
import { wrongUse } from './design-files.ts'

/**
 * The texts below a path as they were where the history of HEAD left that of `ref`: what others have put on a branch since is no change of
 * ours. By their path from there, as folderTree has them.
 */
export function gitTree(ref: string, path: string): Tree {
  if (ref.startsWith('-')) throw wrongUse(`--git is "${ref}": give a branch, a tag or a commit`)
  const base = git(['merge-base', ref, 'HEAD'], () => {
    const known = runGit(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]) !== undefined
    return known
      ? `HEAD and ${ref} have no commit in common here: fetch the whole history (fetch-depth: 0 of actions/checkout)`
      : `--git is "${ref}", which is no branch, tag or commit here: fetch it first`
  }).trim()
  const names = git(
    ['ls-tree', '-r', '-z', '--name-only', base, '--', path],
    () => `git cannot list ${path} at ${base}`,
  )
    .split('\0')
    .filter((name) => /\.(json|ya?ml|proto|sql)$/i.test(name))
  const prefix = isFile(path, names) ? '' : `${path.replace(/^\.\//, '').replace(/\/+$/, '')}/`
  return new Map(
    names.map((name) => [
      prefix !== '' && name.startsWith(prefix) ? name.slice(prefix.length) : name,
      git(['show', `${base}:./${name}`], () => `git cannot show ${name} at ${base}`),
    ]),
  )
}

function isFile(path: string, names: readonly string[]): boolean {
  return names.length === 1 && names[0] === path && !(statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false)
}

function git(args: readonly string[], whyNot: () => string): string {
  const output = runGit(args)
  if (output === undefined)
    throw wrongUse(runGit(['rev-parse', '--git-dir']) === undefined ? '--git needs a git repository here' : whyNot())
  return output
}

/** Undefined where it fails. */
function runGit(args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    return undefined
  }
}
