import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Of Linux, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

/**
 * CPU-seconds that a PostgreSQL server has used so far, with all of its processes, also those that have ended; 0 where there
 * is no /proc. `folder` is its data folder.
 */
export async function postgresCpu(folder: string): Promise<number> {
  const [pid] = (await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n')
  const names = await readdir('/proc').catch(() => [])
  let ticks = 0
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    const text = await readFile(join('/proc', name, 'stat'), 'utf8').catch(() => '')
    // Behind the program's name, which may have spaces: state, parent …, then user and system time, and those of ended children.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    if (name === pid) for (const at of [11, 12, 13, 14]) ticks += Number(fields[at])
    else if (fields[1] === pid) ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / TICKS_PER_SECOND
}
