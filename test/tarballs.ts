import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { built } from './built.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const run = promisify(execFile)

/** Packs both packages into `folder`, and returns the paths of their tarballs. Types take the compiler half a minute. */
export async function tarballs(
  folder: string,
  { types = false } = {},
): Promise<{ readonly lintel: string; readonly creator: string }> {
  const lintel = join(folder, 'lintel')
  await cp(built(), join(lintel, 'dist'), { recursive: true, filter: (path) => !path.endsWith('/node_modules') })
  await cp(join(root, 'package.json'), join(lintel, 'package.json'))
  const declarations = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', join(lintel, 'dist')]
  if (types) await run(process.execPath, [require.resolve('typescript/bin/tsc'), ...declarations], { cwd: root })
  const packed = async (path: string) => {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
    const { stdout } = await run('npm', args, { cwd: path })
    return join(folder, JSON.parse(stdout.slice(stdout.indexOf('[\n')))[0].filename)
  }
  return { lintel: await packed(lintel), creator: await packed(join(root, 'create-lintel')) }
}
