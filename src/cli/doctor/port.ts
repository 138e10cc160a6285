import { createServer } from 'node:net'
import type { Finding } from './finding.ts'

/** A port is free, or a system of Lintel answers there; anything else keeps a start from listening. */
export async function portFinding(host: string, port: number): Promise<Finding> {
  const about = 'port'
  if (port === 0) return { about, well: true, says: 'any that is free (PORT=0)' }
  const code = await listening(host, port)
  if (code === undefined) return { about, well: true, says: `${port} on ${host} is free` }
  if (code === 'EADDRINUSE' && (await isOurs(host, port)))
    return { about, well: true, says: `${port}: a system of Lintel answers there` }
  const says =
    code === 'EADDRINUSE'
      ? `${port} is taken by another process: stop that one, or set PORT to a free port`
      : `${port} on ${host} cannot be listened on (${code}): set PORT and HOST to others`
  return { about, well: false, says }
}

function listening(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    probe.listen(port, host, () => probe.close(() => resolve(undefined)))
  })
}

async function isOurs(host: string, port: number): Promise<boolean> {
  const place = host.includes(':') ? `[${host}]` : host
  try {
    const answer = await fetch(`http://${place}:${port}/health/live`, { signal: AbortSignal.timeout(2_000) })
    return answer.headers.has('x-request-id')
  } catch {
    return false
  }
}
