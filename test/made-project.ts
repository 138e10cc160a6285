import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A project in this folder as `npm create lintel` makes it, but for its packages, which are this repository and its own. */
export async function makeProject(cwd: string, template = 'api'): Promise<void> {
  await cp(join(root, 'create-lintel/templates', template), cwd, { recursive: true })
  await writeFile(join(cwd, 'package.json'), '{"type":"module"}')
  await mkdir(join(cwd, 'node_modules'))
  await symlink(root, join(cwd, 'node_modules/lintel'))
  await symlink(join(root, 'node_modules/tsx'), join(cwd, 'node_modules/tsx'))
}
