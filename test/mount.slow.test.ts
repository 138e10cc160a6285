import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listening, meetNotes, met, mountedNotes } from './mounted.ts'

let folder: string
let require: NodeJS.Require
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-hosts-'))
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'express@5.3.0', 'fastify@5.12.8']
  await promisify(execFile)('npm', args, { cwd: folder })
  require = createRequire(join(folder, 'package.json'))
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

test.each(['', '/backend'])('a system is mounted in Express below "%s", before its body parser', async (prefix) => {
  const mounted = await mountedNotes(prefix)
  const express = require('express')
  const app = express()
  app.get('/own', (_: unknown, res: { send(text: string): void }) => res.send('mine'))
  app.use(prefix || '/', mounted.handler)
  app.use(express.json())
  const server = createServer(app)
  const url = await listening(server)
  try {
    expect(await meetNotes(url, prefix)).toEqual(met(prefix))
    expect(await (await fetch(`${url}/own`)).text()).toBe('mine')
  } finally {
    await close(server)
    await mounted.stop()
  }
})

test('behind a body parser of Express a body is a 500 at once', async () => {
  const mounted = await mountedNotes('')
  const express = require('express')
  const app = express()
  app.use(express.json(), mounted.handler)
  const server = createServer(app)
  const url = await listening(server)
  try {
    const headers = { 'content-type': 'application/json' }
    expect((await fetch(`${url}/notes`, { method: 'POST', headers, body: '{"title":"Milk"}' })).status).toBe(500)
    expect((await fetch(`${url}/notes`)).status).toBe(200)
  } finally {
    await close(server)
    await mounted.stop()
  }
})

test.each(['', '/backend'])('a system is mounted in Fastify below "%s", without parsers of its own', async (prefix) => {
  const mounted = await mountedNotes(prefix)
  const app = require('fastify')()
  app.get('/own', async () => 'mine')
  app.register(
    async (scope: any) => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request: unknown, _payload: unknown, done: (error: null) => void) => done(null))
      scope.all('/*', (request: any, reply: any) => {
        reply.hijack()
        mounted.handler(request.raw, reply.raw)
      })
    },
    { prefix },
  )
  const url: string = await app.listen({ port: 0, host: '127.0.0.1' })
  try {
    expect(await meetNotes(url, prefix)).toEqual(met(prefix))
    expect(await (await fetch(`${url}/own`)).text()).toBe('mine')
  } finally {
    app.server.closeAllConnections()
    await app.close()
    await mounted.stop()
  }
})
