import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Fault } from '../base/errors.ts'
import { MIN_KEY_BYTES } from './setting-kinds.ts'
import type { Settings } from './settings.ts'

const FILE = 'internal-key'

/**
 * The keys that prove calls between processes: LINTEL_INTERNAL_KEY. In development the first process makes one, and keeps it in
 * the data folder, where the others on this machine find it; in production a system in parts does not start without.
 */
export async function internalKeys({ internalKeys: given, production, dataDir }: Settings): Promise<readonly string[]> {
  if (given.length > 0) return given
  if (production)
    throw new Fault(
      'WRONG_SETTING',
      `LINTEL_INTERNAL_KEY is not set, and parts of this system run in different processes: give all of them the same secret of ${MIN_KEY_BYTES} bytes or more, such as the output of \`openssl rand -base64 48\``,
    )
  const path = join(resolve(dataDir), FILE)
  await mkdir(resolve(dataDir), { recursive: true })
  const made = randomBytes(48).toString('base64')
  try {
    await writeFile(path, `${made}\n`, { flag: 'wx', mode: 0o600 })
    return [made]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const kept = (await readFile(path, 'utf8')).trim()
  if (kept.length >= MIN_KEY_BYTES) return [kept]
  throw new Fault('WRONG_SETTING', `${path} holds no key: delete it, and start the parts again`)
}
