/**
 * The versions of tags. An entry is good for as long as its tags have the versions that they had before it was read from the
 * database: what is filled by a read that a write has overtaken is of no use to anybody (compare and set).
 *
 * A version is unlike every other, before and after: one that was lost reads as one that has changed.
 */
export interface Tags {
  /** `key` asks for what is kept under it outside this process too. */
  look(tags: readonly string[], key: string | undefined): Look | Promise<Look>
  /** Whether the tags still have these versions, where that is known without asking anybody; true where it is not. */
  mayBe(tags: readonly string[], stamp: string): boolean
  /** Keeps an entry outside this process too; nobody waits for it. */
  keep(key: string, text: () => string, ttlMs: number): void
  /**
   * While a tag is marked nothing of it is read from the cache or kept, at most for `forMs`. False: others cannot be told.
   */
  mark(tags: readonly string[], by: string, forMs: number): boolean | Promise<boolean>
  /**
   * Gives tags new versions, and takes the mark off that `by` has put on them. Never rejects, and resolves in bounded time with
   * whether it is done; if not, it goes on trying.
   */
  raise(tags: readonly string[], by: string): boolean | Promise<boolean>
  readonly state: TagsState
  stop(): Promise<void>
}

export type Look =
  /** Versions, and a text that was kept outside this process under the key. */
  | { readonly kind: 'known'; readonly stamp: string; readonly text: string | null }
  /** One of the tags is being changed. */
  | { readonly kind: 'changing' }
  /** The versions cannot be known now. */
  | { readonly kind: 'unknown' }

export const CHANGING: Look = { kind: 'changing' }
export const UNKNOWN: Look = { kind: 'unknown' }

/** Every entry of a service has it. */
export const EVERYTHING = '*'

export interface TagsState {
  readonly kind: 'memory' | 'redis' | 'off'
  /** Whether entries can be used now. */
  readonly usable: boolean
  /** Milliseconds that the last look outside this process took. */
  readonly latencyMs?: number | undefined
}

/**
 * Of a process that keeps nothing and reaches nobody who does. Others may keep something all the same, such as replicas that
 * have been given a Redis already: it leaves what it has changed in the database.
 */
export function noTags(): Tags {
  return {
    look: () => UNKNOWN,
    mayBe: () => false,
    keep() {},
    mark: () => false,
    raise: () => false,
    state: { kind: 'off', usable: false },
    stop: async () => {},
  }
}
