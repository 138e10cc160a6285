// The process in which `lintel dev` runs a system. It is forked before it is needed: a save waits for the system's own modules alone.
import '../../auth/index.ts'
import '../../contract/index.ts'
import '../../index.ts'
import '../../service/index.ts'
import { Fault } from '../../base/errors.ts'
import type { Embed } from '../../start/databases.ts'
import { readSettings } from '../../start/settings.ts'
import { type Running, start } from '../../start/start.ts'
import { contractsOf } from '../../start/system.ts'
import type { Failure } from '../fail.ts'
import { loadSystem } from '../load-system.ts'
import { surviveRejections } from '../run.ts'
import { startInWorkers } from '../start.ts'
import { showAddresses } from './addresses.ts'
import type { FromSystem, ToSystem } from './messages.ts'
import { ownFailureOf } from './own-failure.ts'

// The whole process group hears of Ctrl-C; what is to become of it, `lintel dev` says.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {})
process.once('disconnect', () => process.exit(1))

const stopped = new AbortController()
const [toLoad, toStart] = [told('load'), told('start')]
const server = Promise.race([told('server'), told('no-server')])
let lost: string | undefined
let embeddedUrl: string | undefined
let starting = false
let running: Running | undefined

process.on('message', (message: ToSystem) => {
  if (message.kind === 'lost') lost = message.reason
  if (message.kind !== 'stop') return
  stopped.abort()
  // Whatever has begun to start gives up by itself.
  if (running) running.stop(message).then(() => process.exit(0), fail)
  else if (!starting) process.exit(0)
})
await send({ kind: 'warm' })

try {
  const { file } = await toLoad
  const system = await loadSystem(file, 'develop')
  // Settings that are wrong should come to light while the process before this one still serves.
  readSettings(process.env, contractsOf(system))
  await send({ kind: 'loaded' })

  const { parts, again, port } = await toStart
  starting = true
  if (port !== undefined && process.env.PORT === '0') process.env.PORT = port
  const settings = readSettings(process.env, contractsOf(system))
  const options = { parts, signal: stopped.signal, embed: embedAs(settings.logLevel) }
  const begun = await (settings.workers === 1
    ? start(system, process.env, options)
    : startInWorkers(system, file, options))
  if (stopped.signal.aborted) await begun.stop()
  stopped.signal.throwIfAborted()
  running = begun
  surviveRejections(running.log)
  void running.died.then((message) => end({ text: `lintel: ${message}`, exitCode: 1 }))
  const { url, shutdownTimeoutMs } = running
  if (!again && process.stdout.isTTY) showAddresses(system, settings, { url, parts, embeddedUrl })
  await send({ kind: 'serving', url, logLevel: settings.logLevel, shutdownTimeoutMs })
} catch (error) {
  if (stopped.signal.aborted) process.exit(0)
  await fail(error)
}

/** The server is the parent's, for it outlives this process. */
function embedAs(logLevel: string): Embed {
  return async ({ dataDir, startTimeoutMs = 30_000 }) => {
    await send({ kind: 'embed', dataDir, startTimeoutMs, logLevel })
    const answer = await server
    if (answer.kind === 'no-server') throw new Fault(answer.code, answer.message, { exitCode: answer.exitCode })
    embeddedUrl = answer.url
    const died = new Promise<string>(() => {})
    return { url: answer.url, dataDir: answer.dataDir, died, lost: () => lost, stop: async () => {} }
  }
}

function fail(error: unknown): Promise<never> {
  return end(ownFailureOf(error))
}

async function end(failure: Failure): Promise<never> {
  await send({ kind: 'failed', ...failure })
  process.exit(1)
}

function told<Kind extends ToSystem['kind']>(kind: Kind): Promise<Extract<ToSystem, { kind: Kind }>> {
  return new Promise((resolve) => {
    process.on('message', (message: ToSystem) => {
      if (isOf(message, kind)) resolve(message)
    })
  })
}

function isOf<Kind extends ToSystem['kind']>(
  message: ToSystem,
  kind: Kind,
): message is Extract<ToSystem, { kind: Kind }> {
  return message.kind === kind
}

function send(message: FromSystem): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, undefined, undefined, () => resolve())
    else resolve()
  })
}
