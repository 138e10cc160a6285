import { existsSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '../base/errors.ts'
import type { Machine } from './machine.ts'

/** An unprivileged user: what `spawn` takes as uid and gid. */
export interface Account {
  name: string
  uid: number
  gid: number
}

/**
 * Whom the server runs as: PostgreSQL refuses to run as root. Undefined means "as ourselves".
 * A cluster that exists keeps its owner (a folder of the host's user, mounted into a container that runs as root,
 * stays that user's); a new one is given to `postgres`, else to `nobody`.
 */
export async function serverAccount(cluster: string, machine: Machine): Promise<Account | undefined> {
  if (machine.uid !== 0) return undefined
  const accounts = await knownAccounts(machine.passwdFile)
  const owner = await stat(cluster).catch(() => undefined)
  if (owner && owner.uid !== 0) {
    const name = accounts.find((account) => account.uid === owner.uid)?.name ?? `uid ${owner.uid}`
    return { name, uid: owner.uid, gid: owner.gid }
  }
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const account = accounts.find((candidate) => candidate.name === name && candidate.uid !== 0)
    if (account && (await isMapped('uid', account.uid)) && (await isMapped('gid', account.gid))) return account
  }
  throw new Fault(
    'EMBEDDED_UNSUPPORTED',
    'PostgreSQL refuses to run as root, and there is no unprivileged account to run it as (neither postgres nor ' +
      `nobody in ${machine.passwdFile}). Run as an ordinary user, add such an account, or set DATABASE_URL.`,
  )
}

/** The first folder on the way to `folder` that the account may not enter; undefined when the way is free. */
export async function closedTo(account: Account, folder: string): Promise<string | undefined> {
  const way = [await realpath(folder)]
  while (dirname(way[0]!) !== way[0]) way.unshift(dirname(way[0]!))
  for (const step of way) {
    const { mode, uid, gid } = await stat(step)
    // POSIX: the first class that matches decides, an owner without the bit is not helped by "others".
    const searchable = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    if (!(mode & searchable)) return step
  }
  return undefined
}

async function knownAccounts(passwdFile: string): Promise<Account[]> {
  const text = await readFile(passwdFile, 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    // macOS writes nobody as -2, the kernel as 4294967294.
    return name && uid && gid ? [{ name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }] : []
  })
}

/** In a rootless container "root" may be the only user there is: becoming another one fails with EINVAL. */
async function isMapped(kind: 'uid' | 'gid', id: number): Promise<boolean> {
  const path = `/proc/self/${kind}_map`
  if (!existsSync(path)) return true
  const ranges = (await readFile(path, 'utf8')).trim().split('\n')
  return ranges.some((range) => {
    const [first = 0, , count = 0] = range.trim().split(/\s+/).map(Number)
    return id >= first && id < first + count
  })
}
