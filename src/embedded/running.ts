import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { urlOf } from './endpoint.ts'

/**
 * URL of the server that another process runs on a data folder, as `startEmbeddedPostgres` would answer it; undefined
 * where none is ready. For commands beside a running system: that process stays the one which stops the server.
 */
export async function findRunningPostgres(dataDir: string): Promise<string | undefined> {
  const cluster = join(dataDir, 'postgres')
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  // The lines of PostgreSQL's pid file (pidfile.h): pid, folder, start, port, folder of the socket, address, shared memory, state.
  const [, , , port, socketFolder, address, , state] = text.split('\n').map((line) => line.trim())
  if (state !== 'ready') return undefined
  const password = await readFile(join(cluster, 'lintel.password'), 'utf8')
  return urlOf(socketFolder || address!, port!, password)
}
