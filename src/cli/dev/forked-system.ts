import { fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ElsewhereFailed, type Failure } from '../fail.ts'
import type { FromSystem, Serving, ToSystem } from './messages.ts'

/** The process of a system as `lintel dev` sees it: first warm, then loaded, then serving. */
export interface ForkedSystem {
  /** Resolves with how the process ended: `exit code 1`, `SIGKILL`, or what it said about it. */
  readonly ended: Promise<Failure>
  /** Loads the modules of the system, and checks them. */
  load(file: string): Promise<void>
  start(options: { parts: readonly string[]; again: boolean; port?: string | undefined }): Promise<Serving>
  tell(message: ToSystem): void
  /** Resolves when the process has ended, which after `killAfterMs` is by force. */
  stop(options: { lameDuckMs: number; timeoutMs?: number; killAfterMs?: number }): Promise<void>
}

type Embedding = Extract<FromSystem, { kind: 'embed' }>

/** Rejections are `ElsewhereFailed`. */
export function forkSystem(embed: (request: Embedding, system: ForkedSystem) => void): ForkedSystem {
  const child = fork(MODULE, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  // One that is busy does not hear that whoever asked has gone.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  void once(child, 'close').then(() => process.off('exit', kill))
  let failure: Failure | undefined
  const ended = once(child, 'close').then(
    ([code, signal]): Failure =>
      failure ?? { text: `lintel: the system has ended by itself (${signal ?? `exit code ${code}`})`, exitCode: 1 },
  )
  /** Rejects where the process ends first. */
  function hear<Kind extends FromSystem['kind']>(kind: Kind): Promise<Extract<FromSystem, { kind: Kind }>> {
    const heard = new Promise<Extract<FromSystem, { kind: Kind }>>((resolve, reject) => {
      child.on('message', (message: FromSystem) => {
        if (isOf(message, kind)) resolve(message)
      })
      void ended.then((failure) => reject(new ElsewhereFailed(failure)))
    })
    // Whoever waits for it hears of it; nobody may.
    heard.catch(() => {})
    return heard
  }
  const [warm, loaded, serving] = [hear('warm'), hear('loaded'), hear('serving')]
  child.on('message', (message: FromSystem) => {
    if (message.kind === 'failed') failure = message
    else if (message.kind === 'embed') embed(message, system)
  })
  const tell = (message: ToSystem) => {
    // Where it has ended there is nobody to tell: that is heard of by `ended`.
    if (child.connected) child.send(message, () => {})
  }
  const system: ForkedSystem = {
    ended,
    async load(file) {
      await warm
      tell({ kind: 'load', file })
      await loaded
    },
    async start({ parts, again, port }) {
      tell({ kind: 'start', parts, again, ...(port !== undefined && { port }) })
      return serving
    },
    tell,
    async stop({ killAfterMs, ...options }) {
      tell({ kind: 'stop', ...options })
      const byForce = killAfterMs === undefined ? undefined : setTimeout(kill, killAfterMs)
      await ended
      clearTimeout(byForce)
    },
  }
  return system
}

function isOf<Kind extends FromSystem['kind']>(
  message: FromSystem,
  kind: Kind,
): message is Extract<FromSystem, { kind: Kind }> {
  return message.kind === kind
}

/** Beside this file, compiled or not. */
const MODULE = fileURLToPath(new URL(`system-process${extname(import.meta.url)}`, import.meta.url))
