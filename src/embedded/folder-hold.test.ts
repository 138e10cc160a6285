import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { holdFolder } from './folder-hold.ts'
import { pidScope, startOf } from './processes.ts'

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'lt-hold-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const claims = () => join(dataDir, 'postgres.holders')

async function leaveClaim(pid: number, start: string, scope: string): Promise<string> {
  await mkdir(claims(), { recursive: true })
  // Smaller than any name that chance gives: it would win if it counted.
  const name = `0-${pid}-${start}-${scope}`
  for (const end of ['claim', 'held']) await writeFile(join(claims(), `${name}.${end}`), '')
  return join(claims(), `${name}.claim`)
}

test('of many takers at once exactly one holds, round after round', async () => {
  for (let round = 0; round < 20; round++) {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => holdFolder(dataDir)))
    const holds = results.filter((result) => result.status === 'fulfilled')
    expect(holds).toHaveLength(1)
    await holds[0]!.value.release()
    expect(await readdir(claims())).toEqual([])
  }
})

test('a hold of a living process is respected, and names its pid', async () => {
  const other = spawn('sleep', ['60'])
  await once(other, 'spawn')
  try {
    await leaveClaim(other.pid!, startOf(other.pid!)!, pidScope())
    await expect(holdFolder(dataDir)).rejects.toMatchObject({
      code: 'DATA_DIR_IN_USE',
      message: expect.stringContaining(`process ${other.pid}.`),
    })
  } finally {
    other.kill()
  }
})

test('a hold of a dead process is void, even when its pid has found another owner', async () => {
  const gone = spawn('true')
  await once(gone, 'exit')
  await leaveClaim(gone.pid!, '1', pidScope())
  await (await holdFolder(dataDir)).release()
  await leaveClaim(process.pid, '1', pidScope())
  await (await holdFolder(dataDir)).release()
  expect(await readdir(claims())).toEqual([])
})

test('a hold of another container counts as long as it is touched', async () => {
  const beatMs = 100
  const claim = await leaveClaim(1, '1', 'elsewhere')
  const beating = setInterval(() => utimes(claim, new Date(), new Date()), beatMs)
  await expect(holdFolder(dataDir, beatMs)).rejects.toMatchObject({
    code: 'DATA_DIR_IN_USE',
    message: expect.stringContaining('another container'),
  })
  clearInterval(beating)
  await (await holdFolder(dataDir, beatMs)).release()
})
