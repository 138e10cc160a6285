import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importedFolders } from './imported-folders.ts'

let folder: string
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'lt-imports-')))
})
afterAll(() => rm(folder, { recursive: true }))

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), text)
}

test('files beside the folder are found through any number of imports, packages where they are links', async () => {
  await write('app/system.ts', `import { a } from './near/a.ts'\nimport type { Money } from '../shared/money.js'\n`)
  await write(
    'app/near/a.ts',
    `export * from '@acme/rules/prices'\nimport 'installed'\nimport 'node:fs'\nimport './none.ts'`,
  )
  // Compilers let it be named as what is made of it; a circle ends.
  await write('shared/money.ts', `export { b } from '../deep/er/b.ts'\nconst late = await import('../late/c.ts')`)
  await write('deep/er/b.ts', `import '../../app/system.ts'`)
  await write('late/c.ts', '')
  await write('app/node_modules/installed/index.js', '')
  await write('packages/rules/package.json', '{}')
  await mkdir(join(folder, 'node_modules/@acme'), { recursive: true })
  await symlink(join(folder, 'packages/rules'), join(folder, 'node_modules/@acme/rules'))

  const found = importedFolders(join(folder, 'app/system.ts'), join(folder, 'app'))
  expect([...found].map((path) => path.slice(folder.length + 1)).sort()).toEqual([
    'deep/er',
    'late',
    'packages/rules',
    'shared',
  ])
})
