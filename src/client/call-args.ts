/** What every call takes beside what its operation asks for. */
export interface CallArgs {
  /** Ends the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that this call may take, attempts and rests together. */
  readonly timeoutMs?: number | undefined
}

/** `Q` is what the contract lets the list be asked for: sorts, and filters by the names that it gives them. */
export interface ListArgs<F extends string, Q> extends CallArgs {
  readonly query?: (ListQuery<F> & Q) | undefined
}

export interface WalkArgs<F extends string, Q> extends CallArgs {
  readonly query?: (WalkQuery<F> & Q) | undefined
}

export interface GetArgs<F extends string> extends CallArgs {
  readonly query?: { readonly fields?: readonly F[] } | undefined
}

export interface CreateArgs<B> extends CallArgs {
  readonly body: B
  /** A repeat with the same key has no second effect and is answered like the first, for 24 h (R-IDEM). Made where none is given. */
  readonly idempotencyKey?: string | undefined
}

export interface ChangeArgs<B> extends CallArgs {
  readonly body: B & { readonly version?: number }
  /** A version: 412 PRECONDITION_FAILED when the thing has another. `version` in the body: 409 VERSION_CONFLICT. */
  readonly ifMatch?: number | undefined
}

export interface DeleteArgs extends CallArgs {
  readonly ifMatch?: number | undefined
}

/** What every list can be asked. */
export interface ListQuery<F extends string = string> {
  readonly page?: number | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
  readonly count?: 'exact' | 'none' | undefined
  readonly fields?: readonly F[] | undefined
}

export interface WalkQuery<F extends string = string> extends ListQuery<F> {
  readonly page?: undefined
  readonly cursor?: undefined
  readonly count?: undefined
}

/** Of an operation beside the resources. */
export interface OwnArgs extends CallArgs {
  /** Of a POST: a repeat with the same key has no second effect and is answered like the first, for 24 h (R-IDEM). */
  readonly idempotencyKey?: string | undefined
  /** Of an operation on a thing: its version; 412 PRECONDITION_FAILED when it has another. */
  readonly ifMatch?: number | undefined
}

/** One value, or several that are alternatives; of sorts the first goes before the next. */
export type OneOrMany<T> = T | readonly T[]

/** The whole thing, or the fields that were asked for and its id. */
export type Answered<T extends { id: string }, F extends keyof T> = [F] extends [never] ? T : { [K in F | 'id']: T[K] }
