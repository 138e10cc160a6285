import { randomBytes } from 'node:crypto'
import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '../base/errors.ts'
import { makeFolder } from './make-folder.ts'
import { pidScope, startOf } from './processes.ts'

/** The right to run a server on a data folder, for one process at a time. */
export interface FolderHold {
  release(): Promise<void>
}

/**
 * Takes the hold or throws DATA_DIR_IN_USE. Of several simultaneous starts exactly one gets it; a hold left by a
 * dead process is void.
 *
 * Node has no flock, and a lock file that is taken over when its owner is dead has a race: two see the dead owner,
 * the slower one removes the quicker one's new lock. So nobody ever takes over a name: each start makes a claim under a
 * name of its own, then looks around. Alone, it holds. Else it leaves to whoever holds, or to the claim with the
 * smaller name; the smallest waits until the others have gone or one of them turns out to hold already.
 */
export async function holdFolder(dataDir: string, beatMs = 2_000): Promise<FolderHold> {
  const folder = join(dataDir, 'postgres.holders')
  await makeFolder(folder)
  const mine = nameOf({ id: randomBytes(8).toString('hex'), pid: process.pid, start: startOf(process.pid)!, scope })
  const release = async () => {
    clearInterval(beat)
    // The claim last: a hold must never be seen without its claim.
    await rm(join(folder, `${mine}.held`), { force: true })
    await rm(join(folder, `${mine}.claim`), { force: true })
  }
  await writeFile(join(folder, `${mine}.claim`), '', { flag: 'wx' })
  const beat = setInterval(() => touch(join(folder, `${mine}.claim`)), beatMs).unref()
  try {
    for (;;) {
      const others = await livingOthers(folder, mine, beatMs)
      const winner = others.find((other) => other.holds) ?? others.find((other) => other.name < mine)
      if (winner) throw inUse(dataDir, winner)
      if (others.length === 0) break
      await delay(10)
    }
    // A second file and not a rename: a listing made during a rename may show neither name.
    await writeFile(join(folder, `${mine}.held`), '', { flag: 'wx' })
    return { release }
  } catch (error) {
    await release()
    throw error
  }
}

interface Claim {
  id: string
  pid: number
  start: string
  scope: string
}
interface Other extends Claim {
  name: string
  holds: boolean
}

const scope = pidScope()

/** The name says everything, so that a claim is complete from the moment it is there. */
function nameOf(claim: Claim): string {
  return `${claim.id}-${claim.pid}-${claim.start}-${claim.scope}`
}

async function livingOthers(folder: string, mine: string, beatMs: number): Promise<Other[]> {
  const names = await readdir(folder)
  const living: Other[] = []
  for (const file of names) {
    const name = file.slice(0, -'.claim'.length)
    if (!file.endsWith('.claim') || name === mine) continue
    const [id = '', pid = '', start = '', place = ''] = name.split('-')
    const claim = { id, pid: Number(pid), start, scope: place }
    const lives = place === scope ? startOf(claim.pid) === start : await stillBeats(join(folder, file), { beatMs })
    if (lives) living.push({ ...claim, name, holds: names.includes(`${name}.held`) })
    else for (const end of ['held', 'claim']) await rm(join(folder, `${name}.${end}`), { force: true })
  }
  return living
}

/**
 * A process of another container (or of the time before a restart) can't be seen from here, but touches its claim as
 * long as it lives. An old claim is void at once, a fresh one is watched for three beats.
 */
async function stillBeats(claim: string, { beatMs }: { beatMs: number }): Promise<boolean> {
  const touched = async () => (await stat(claim).catch(() => undefined))?.mtimeMs
  const before = await touched()
  if (before === undefined || Date.now() - before > 5 * beatMs) return false
  for (const end = performance.now() + 3 * beatMs; performance.now() < end; await delay(beatMs / 10)) {
    const now = await touched()
    if (now !== before) return now !== undefined
  }
  return false
}

function touch(claim: string): void {
  const now = new Date()
  utimes(claim, now, now).catch(() => {}) // gone with the data folder: nothing left to hold
}

function inUse(dataDir: string, holder: Other): Fault {
  const where = holder.scope === scope ? `process ${holder.pid}` : `process ${holder.pid} of another container`
  return new Fault(
    'DATA_DIR_IN_USE',
    `The data folder ${dataDir} is in use by ${where}. ` +
      'Stop that process first, or give this one another folder (LINTEL_DATA_DIR).',
  )
}
