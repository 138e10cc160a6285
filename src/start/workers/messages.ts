import type { DrawBatch, DrawnBatch } from '../../limits/primary-buckets.ts'
import type { AskMessage } from './questions.ts'

/** What a worker is told before it starts. */
export interface Place {
  readonly id: number
  readonly count: number
  /** Whether it takes the place of one that ended. */
  readonly again: boolean
  /** The embedded server that the primary runs, where there is one. */
  readonly server: { readonly url: string; readonly dataDir: string | undefined } | undefined
}

/** What one worker did that others act on, of a turn of the event loop. */
export interface News {
  /** Services whose events or jobs are waiting: for the first worker. */
  readonly wake: readonly string[]
  /** Whether tokens were revoked: for all others. */
  readonly revoked: boolean
}

export type ToPrimary =
  | { readonly kind: 'join' }
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly exitCode: number }
  | { readonly kind: 'draws'; readonly draws: DrawBatch }
  | { readonly kind: 'news'; readonly news: News }
  | AskMessage

export type ToWorker =
  | { readonly kind: 'begin'; readonly place: Place }
  | { readonly kind: 'stop'; readonly lameDuckMs: number }
  | { readonly kind: 'drawn'; readonly drawn: DrawnBatch }
  | { readonly kind: 'news'; readonly news: News }
  | { readonly kind: 'serving'; readonly serving: number }
  | { readonly kind: 'lost'; readonly reason: string }
  | AskMessage
