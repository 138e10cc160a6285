import type { AnyContract } from '../contract/contract.ts'
import type { Fields, Flat, InputOf, TypeOf } from '../contract/fields.ts'
import type { ListCalls, ListParameters } from '../contract/list-types.ts'
import type { OperationSpec } from '../contract/operation.ts'
import type {
  AnyResource,
  CreateInput,
  ParentParams,
  ReplaceInput,
  Resource,
  ShownOf,
  UpdateInput,
} from '../contract/resource.ts'
import type { CallArgs, Page, Rows } from './page.ts'

/** What a client of several contracts has: that of each. */
export type Clients<T> = T extends readonly [infer C extends AnyContract, ...infer Others]
  ? Client<C> & Clients<Others>
  : unknown

/** A service as its callers see it: an object per resource, and a function per operation of the contract's own. */
export type Client<C extends AnyContract> = {
  readonly [K in keyof C['resources']]: CallsOf<C['resources'][K]>
} & {
  readonly [O in keyof C['operations']]: OperationCall<C['operations'][O]>
}

/** The calls of one resource: `CallsOf<typeof Order>`. */
export type CallsOf<R extends AnyResource> =
  R extends Resource<any, infer F, any, any, any, infer V, infer L, any, any>
    ? Pick<
        ResourceCalls<
          Flat<ShownOf<R>>,
          Flat<AsText<ParentParams<R>>>,
          Flat<CreateInput<R>>,
          Flat<ReplaceInput<R>>,
          Flat<UpdateInput<R>>,
          Flat<ListParameters<F, L>>
        >,
        ListCalls<V, L> | Exclude<V, 'list'>
      >
    : never

/**
 * What can be asked of a resource that is shown as `T` and stands below `P`, whose lists take `Q`. It is made of plain shapes, so
 * that an editor shows those and not the contract behind them. Only what the contract offers is there; in JavaScript the rest
 * rejects with a Fault that says so.
 */
export interface ResourceCalls<T extends { id: string }, P, Create, Replace, Update, Q> {
  list<F extends Name<T> = never>(...args: Below<P, ListArgs<F, Q>>): Promise<Page<Answered<T, F>>>
  /** The list without its parent, where the contract has one: `/orders` beside `/users/{userId}/orders`. */
  listAll<F extends Name<T> = never>(args?: ListArgs<F, Q>): Promise<Page<Answered<T, F>>>
  /** Every row of `list` by cursor, a page of 100 at a time unless `limit` says otherwise. */
  each<F extends Name<T> = never>(...args: Below<P, WalkArgs<F, Q>>): Rows<Answered<T, F>>
  /** Every row of `listAll`. */
  eachAll<F extends Name<T> = never>(args?: WalkArgs<F, Q>): Rows<Answered<T, F>>
  get<F extends Name<T> = never>(args: Item<P> & GetArgs<F>): Promise<Answered<T, F>>
  create(args: P & CreateArgs<Create>): Promise<T>
  replace(args: Item<P> & ChangeArgs<Replace>): Promise<T>
  update(args: Item<P> & ChangeArgs<Update>): Promise<T>
  delete(args: Item<P> & DeleteArgs): Promise<void>
}

/** An operation of the contract's own. */
export type OperationCall<S> =
  S extends OperationSpec<infer B, infer A, infer Q, infer P>
    ? (...args: OperationArgs<B, Q, P>) => Promise<OperationAnswer<A>>
    : never

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

/** Ids in paths of resources are texts to a client: it may have them from anywhere, and `me` stands for its own (R-USER-3). */
type AsText<P> = { readonly [K in keyof P]: string }
type OrMe<P> = { readonly [K in keyof P]: P[K] | 'me' }
type Name<T> = keyof T & string
/** The whole thing, or the fields that were asked for and its id. */
type Answered<T extends { id: string }, F extends Name<T>> = [F] extends [never] ? T : Flat<Pick<T, F | 'id'>>
type Below<P, A> = {} extends P ? [args?: A] : [args: P & A]
/** The parent's id is needed only where things live below it: `/carts/{cartId}/items/{id}`. */
type Item<P> = { readonly id: string } & Partial<P>
export interface OwnArgs extends CallArgs {
  /** Of a POST: a repeat with the same key has no second effect and is answered like the first, for 24 h (R-IDEM). */
  readonly idempotencyKey?: string | undefined
  /** Of an operation on a thing: its version; 412 PRECONDITION_FAILED when it has another. */
  readonly ifMatch?: number | undefined
}
/** A part of the request that must be given where something in it must. */
type Part<N extends string, T> = [keyof T] extends [never]
  ? unknown
  : {} extends T
    ? { readonly [K in N]?: T | undefined }
    : { readonly [K in N]: T }
type OperationArgs<B extends Fields, Q extends Fields, P> = Arguments<
  Flat<
    Part<'params', OrMe<P>> & Part<'query', QueryInput<InputOf<Q>>> & Part<'body', OrKept<Flat<InputOf<B>>>> & OwnArgs
  >
>
/** A client that keeps tokens gives its refresh token by itself. */
type OrKept<B> = B extends { refreshToken: string } ? Flat<Omit<B, 'refreshToken'> & { refreshToken?: string }> : B
type Arguments<A> = {} extends A ? [args?: A] : [args: A]
/** Times also as dates. */
type QueryInput<T> = { readonly [K in keyof T]: string extends T[K] ? T[K] | Date : T[K] }
type OperationAnswer<A> = A extends AnyResource
  ? Flat<ShownOf<A>>
  : {} extends A
    ? void
    : { [K in keyof A]: TypeOf<A[K]> }
