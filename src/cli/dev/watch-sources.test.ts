import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type SourceWatch, watchSources } from './watch-sources.ts'

let folder: string
let watch: SourceWatch
let told: string[][]
let hear: () => void

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'lt-watch-')))
  told = []
  hear = () => {}
})
afterEach(async () => {
  watch.close()
  await rm(folder, { recursive: true })
})

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), text)
}

function begin(): void {
  watch = watchSources(join(folder, 'system.ts'), (files) => {
    told.push(files.map((path) => path.slice(folder.length + 1)))
    hear()
  })
}

/** What is told once something has been. */
async function heard(file: string): Promise<void> {
  while (!told.flat().includes(file))
    await new Promise<void>((resolve) => {
      hear = resolve
    })
}

test('sources are told of, also those of new folders; what is installed, hidden, built or a test is not', async () => {
  await write('system.ts', '1')
  await write('node_modules/lib/index.js', '1')
  await write('services/notes/contract.ts', '1')
  begin()
  for (const other of ['node_modules/lib/index.js', '.git/config.json', 'dist/system.js', 'a.test.ts', 'debug.log'])
    await write(other, '2')
  await write('services/notes/contract.ts', '2')
  await heard('services/notes/contract.ts')
  await write('services/orders/migrations/0001-orders.sql', '1')
  await heard('services/orders/migrations/0001-orders.sql')
  // As many editors save: under another name first.
  await write('system.ts.tmp', '3')
  await rename(join(folder, 'system.ts.tmp'), join(folder, 'system.ts'))
  await heard('system.ts')
  await rm(join(folder, 'services/notes/contract.ts'))
  while (told.flat().filter((file) => file === 'services/notes/contract.ts').length < 2)
    await new Promise<void>((resolve) => {
      hear = resolve
    })
  expect(new Set(told.flat())).toEqual(
    new Set(['services/notes/contract.ts', 'services/orders/migrations/0001-orders.sql', 'system.ts']),
  )
})

test('a save that changes nothing is not told', async () => {
  await write('system.ts', '1')
  await write('other.ts', '1')
  begin()
  await write('system.ts', '1')
  await write('other.ts', '2')
  await heard('other.ts')
  expect(told.flat()).toEqual(['other.ts'])
})
