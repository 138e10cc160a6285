import { once } from 'node:events'
import { connect } from 'node:net'
import type { Finding } from './finding.ts'

const PATIENCE_MS = 3_000

/** Whether anything listens where a URL points; of several servers, one will do. */
export async function reachable(about: string, urls: string, usualPort: number): Promise<Finding> {
  const places = urls.split(',').map((url) => placeOf(url.trim(), usualPort))
  const failures: string[] = []
  for (const { host, port } of places) {
    const failure = await failureOf(host, port)
    if (failure === undefined) return { about, well: true, says: `${host}:${port} answers` }
    failures.push(`${host}:${port} (${failure})`)
  }
  return { about, well: false, says: `nothing answers at ${failures.join(', ')}: start it, or correct ${about}` }
}

function placeOf(url: string, usualPort: number): { host: string; port: number } {
  const { hostname, port } = new URL(url.includes('://') ? url : `tcp://${url}`)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || usualPort) }
}

async function failureOf(host: string, port: number): Promise<string | undefined> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) })
    return undefined
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException
    return name === 'AbortError' ? 'no answer' : (code ?? name)
  } finally {
    socket.destroy()
  }
}
