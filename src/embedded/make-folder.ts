import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder, and those above it that are missing. Not by `mkdir` with `recursive`: where a file system refuses with ENOENT,
 * as /proc does, Node tries again for ever, on a thread that keeps the process from ending.
 */
export async function makeFolder(path: string): Promise<void> {
  const missing: string[] = []
  for (let one = path; !(await isThere(one)) && one !== dirname(one); one = dirname(one)) missing.unshift(one)
  for (const one of missing)
    await mkdir(one).catch((error: NodeJS.ErrnoException) => {
      // Another start was quicker.
      if (error.code !== 'EEXIST') throw error
    })
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
