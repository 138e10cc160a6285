import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Account, closedTo } from './account.ts'
import type { Machine } from './machine.ts'

/** Where the server listens. */
export interface Endpoint {
  settings: Record<string, string>
  socketFolder: string | undefined
  url(password: string): string
  close(): Promise<void>
}

/**
 * A unix socket in a folder of its own that only we (and the account of the server) may enter; where there are no
 * sockets of that kind, loopback on a free port. Always a short temporary path: the address of a socket has 107 bytes
 * (103 on macOS), and a data folder on a shared or Windows file system may not be able to hold one.
 */
export async function openEndpoint(account: Account | undefined, machine: Machine): Promise<Endpoint> {
  for (const root of machine.socketRoots) {
    if (Buffer.byteLength(join(root, 'lintel-XXXXXX', '.s.PGSQL.5432.lock')) > 103) continue
    const closed = account && (await closedTo(account, root).catch(() => root))
    const folder = closed ? undefined : await mkdtemp(join(root, 'lintel-')).catch(() => undefined)
    if (!folder) continue
    if (account) await chown(folder, account.uid, account.gid)
    return {
      settings: {
        listen_addresses: '',
        // A list: the quotes keep a comma in the path from ending it.
        unix_socket_directories: `"${folder.replaceAll('"', '""')}"`,
        unix_socket_permissions: '0700',
        port: '5432',
      },
      socketFolder: folder,
      url: (password) => urlOf(folder, '5432', password),
      close: () => rm(folder, { recursive: true, force: true }),
    }
  }
  const port = await freePort()
  return {
    settings: { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port) },
    socketFolder: undefined,
    url: (password) => urlOf('127.0.0.1', String(port), password),
    close: async () => {},
  }
}

/** `place` is the folder of the socket, or an address. */
export function urlOf(place: string, port: string, password: string): string {
  return `postgres://postgres:${password}@${encodeURIComponent(place)}:${port}/postgres`
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
