import type { EmbeddedOptions } from '../../embedded/postgres.ts'
import type { Failure } from '../fail.ts'

/** What `lintel dev` tells the process in which it runs the system. */
export type ToSystem =
  /** Load the modules of the system; nothing is opened yet, for the process before may still serve. */
  | { readonly kind: 'load'; readonly file: string }
  /** `again` after a save; then with the port of before, which is kept where PORT=0 leaves the choice open. */
  | { readonly kind: 'start'; readonly parts: readonly string[]; readonly again: boolean; readonly port?: string }
  | { readonly kind: 'server'; readonly url: string; readonly dataDir: string }
  | { readonly kind: 'no-server'; readonly code: string; readonly message: string; readonly exitCode: number }
  /** Why nothing that is written would be kept; nothing once the folder is back. */
  | { readonly kind: 'lost'; readonly reason: string | undefined }
  | { readonly kind: 'stop'; readonly lameDuckMs: number; readonly timeoutMs?: number }

/** What that process tells `lintel dev`. */
export type FromSystem =
  /** Lintel's own modules are loaded, which takes longest of all. */
  | { readonly kind: 'warm' }
  | { readonly kind: 'loaded' }
  /** The system needs an embedded PostgreSQL. */
  | ({ readonly kind: 'embed'; readonly logLevel: string } & Required<
      Pick<EmbeddedOptions, 'dataDir' | 'startTimeoutMs'>
    >)
  | ({ readonly kind: 'serving' } & Serving)
  | ({ readonly kind: 'failed' } & Failure)

export interface Serving {
  readonly url: string
  readonly logLevel: string
  readonly shutdownTimeoutMs: number
}
