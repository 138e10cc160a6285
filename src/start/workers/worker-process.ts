import cluster, { type Worker as Forked } from 'node:cluster'
import { once } from 'node:events'
import { Fault } from '../../base/errors.ts'
import type { TokenLender } from '../../limits/token-lender.ts'
import type { News, Place, ToPrimary, ToWorker } from './messages.ts'
import { type Answers, createQuestions, type Questions } from './questions.ts'

/** A worker as its primary sees it. */
export interface WorkerProcess {
  /** Resolves with where it listens; rejects with a Fault when it ends before it serves. */
  readonly ready: Promise<string>
  /** Resolves when the process has ended, with how it did: `exit code 1`, `SIGKILL`. */
  readonly ended: Promise<string>
  readonly pid: number | undefined
  readonly ask: Questions['ask']
  send(message: ToWorker): void
  kill(): void
}

export interface Surroundings {
  readonly lender: TokenLender
  readonly answers: Answers
  news(news: News): void
}

/** Forks a worker of what `cluster.setupPrimary` names, and gives it its place. */
export function forkWorker(place: Place, { lender, answers, news }: Surroundings): WorkerProcess {
  const forked = cluster.fork()
  const questions = createQuestions((message) => tell(forked, message), answers)
  const answer = lender.answers()
  let failure: Fault | undefined
  const ended = once(forked, 'exit').then(([code, signal]) => {
    questions.end()
    return (signal as string | null) ?? `exit code ${code}`
  })
  const ready = new Promise<string>((resolve, reject) => {
    forked.on('message', (message: ToPrimary) => {
      switch (message.kind) {
        case 'join':
          return tell(forked, { kind: 'begin', place })
        case 'ready':
          return resolve(message.url)
        case 'failed':
          failure = new Fault(message.code, message.message, { exitCode: message.exitCode })
          return
        case 'draws': {
          const drawn = answer(message.draws)
          if (drawn !== undefined) tell(forked, { kind: 'drawn', drawn })
          return
        }
        case 'news':
          return news(message.news)
        case 'ask':
        case 'answer':
          return questions.take(message)
      }
    })
    void ended.then((how) =>
      reject(
        failure ?? new Fault('WORKER_ENDED', `worker ${place.id} ended before it served (${how})`, { exitCode: 1 }),
      ),
    )
  })
  // Whoever forked it may be waiting for another one.
  ready.catch(() => {})
  return {
    ready,
    ended,
    pid: forked.process.pid,
    ask: questions.ask,
    send: (message) => tell(forked, message),
    kill: () => forked.process.kill('SIGKILL'),
  }
}

/** Of a worker that has just ended `ended` tells. */
function tell(forked: Forked, message: ToWorker): void {
  if (forked.isConnected()) forked.process.send(message, undefined, undefined, () => {})
}
