import cluster from 'node:cluster'
import { Fault } from '../../base/errors.ts'
import { primaryBuckets } from '../../limits/primary-buckets.ts'
import type { EmbeddedServer } from '../databases.ts'
import type { News, Place, ToPrimary, ToWorker } from './messages.ts'
import { type Answers, createQuestions } from './questions.ts'
import type { Worker } from './worker.ts'

export interface Joined {
  readonly worker: Worker
  /** Aborted when the primary asks this process to stop. */
  readonly stopped: AbortSignal
  /** For how long connections are still taken then. */
  lameDuckMs(): number
  /** Aborted when the primary has ended: whoever starts it again needs the port. */
  readonly orphaned: AbortSignal
  ready(url: string): Promise<void>
  failed(error: unknown): Promise<void>
}

/** Takes this process's place among the workers of the primary that has forked it. */
export function joinPrimary(): Promise<Joined> {
  const stopped = new AbortController()
  const orphaned = new AbortController()
  const self = cluster.worker!
  self.once('disconnect', () => {
    // Else node:cluster ends this process at once, with all that it is answering.
    self.exitedAfterDisconnect = true
    orphaned.abort()
  })
  let lameDuckMs = 0
  return new Promise((resolve) => {
    let joined: Member | undefined
    process.on('message', (message: ToWorker) => {
      if (message.kind === 'stop') {
        lameDuckMs = message.lameDuckMs
        stopped.abort()
      } else if (message.kind === 'begin') {
        joined = createMember(message.place)
        resolve({
          worker: joined.worker,
          stopped: stopped.signal,
          lameDuckMs: () => lameDuckMs,
          orphaned: orphaned.signal,
          ready: (url) => sent({ kind: 'ready', url }),
          failed: (error) => sent(failureOf(error)),
        })
      } else joined?.take(message)
    })
    // It listens now: what came before, node:cluster would have taken and dropped.
    send({ kind: 'join' })
  })
}

interface Member {
  readonly worker: Worker
  take(message: ToWorker): void
}

function createMember({ id, count, again, server }: Place): Member {
  const answers: Answers = {}
  const questions = createQuestions(send, answers)
  const buckets = primaryBuckets((draws) => send({ kind: 'draws', draws }))
  let serving = count
  let lost: string | undefined
  let on: Pick<Parameters<Worker['serve']>[0], 'wake' | 'revoked'> | undefined
  let news: { wake: Set<string>; revoked: boolean } | undefined

  /** News of one turn of the event loop are one message. */
  function gather(): { wake: Set<string>; revoked: boolean } {
    if (news === undefined) {
      news = { wake: new Set(), revoked: false }
      setImmediate(() => {
        const { wake, revoked } = news!
        news = undefined
        send({ kind: 'news', news: { wake: [...wake], revoked } })
      })
    }
    return news
  }

  function hear({ wake, revoked }: News): void {
    if (revoked) on?.revoked()
    for (const service of wake) on?.wake(service)
  }

  const embedded: EmbeddedServer | undefined = server && {
    ...server,
    // The primary's to see.
    died: new Promise(() => {}),
    lost: () => lost,
    stop: async () => {},
  }
  return {
    worker: {
      id,
      count,
      again,
      first: id === 1,
      server: embedded,
      buckets,
      serving: () => serving,
      wake: (service) => gather().wake.add(service),
      revoked() {
        gather().revoked = true
      },
      ask: questions.ask,
      serve(given) {
        Object.assign(answers, given.answers)
        on = given
      },
    },
    take(message) {
      switch (message.kind) {
        case 'drawn':
          return buckets.drawn(message.drawn)
        case 'news':
          return hear(message.news)
        case 'serving':
          serving = message.serving
          return
        case 'lost':
          lost = message.reason
          return
        case 'ask':
        case 'answer':
          return questions.take(message)
      }
    },
  }
}

/** A Fault is printed once, by the primary; a bug here, with its stack. */
function failureOf(error: unknown): ToPrimary {
  if (error instanceof Fault) {
    const { code, message, exitCode } = error
    return { kind: 'failed', code, message, exitCode }
  }
  console.error(error)
  return { kind: 'failed', code: 'WORKER_ENDED', message: (error as Error).message, exitCode: 1 }
}

/** Where the primary has ended there is nobody to tell; that comes as `disconnect`. */
function send(message: ToPrimary): void {
  if (process.connected) process.send!(message, undefined, undefined, () => {})
}

function sent(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, undefined, undefined, () => resolve())
    else resolve()
  })
}
