import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inject } from 'vitest'
import notes from '../examples/notes/system.ts'
import { type Mounted, start } from '../src/index.ts'
import { clonesOf } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'

/** The notes, to be mounted below a path: without a server of their own. */
export async function mountedNotes(prefix: string): Promise<Mounted> {
  const clones = await clonesOf(inject('databaseServer'), notes.services)
  const env = { LOG_LEVEL: 'silent', NODE_ENV: 'development', ...databaseSettings(clones.urls) }
  const mounted = await start(notes, env, { listen: false, prefix }).catch(async (error) => {
    await clones.drop()
    throw error
  })
  return { ...mounted, stop: (options) => mounted.stop(options).then(clones.drop) }
}

export async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a client meets of them at that address: ways into them, and those that answers name. */
export async function meetNotes(url: string, prefix: string) {
  const ask = (path: string, init: RequestInit = {}) => fetch(url + path, init)
  const post = (text: string) =>
    ask(`${prefix}/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title: text }),
    })
  const made = await post('Milk')
  await post('Tea')
  const location = made.headers.get('location') ?? ''
  const page = await ask(`${prefix}/notes?limit=1`)
  const next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1] ?? ''
  const document = (await (await ask(`${prefix}/openapi.json`)).json()) as { servers: unknown }
  return {
    made: made.status,
    location: location.replace(/note_\w+/, '{id}'),
    found: (await ask(location)).status,
    next: (await ask(next)).status,
    nextIsBelow: next.startsWith(`${prefix}/notes?`),
    servers: document.servers,
    missing: (await ask(`${prefix}/nothing`)).status,
    ready: (await ask(`${prefix}/health/ready`)).status,
  }
}

/** What they should meet. */
export const met = (prefix: string) => ({
  made: 201,
  location: `${prefix}/v1/notes/{id}`,
  found: 200,
  next: 200,
  nextIsBelow: true,
  servers: [{ url: prefix || '/' }],
  missing: 404,
  ready: 200,
})
