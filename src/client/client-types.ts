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
import type { Answered, ChangeArgs, CreateArgs, DeleteArgs, GetArgs, ListArgs, OwnArgs, WalkArgs } from './call-args.ts'
import type { Page, Rows } from './page.ts'

/** What a client has from outside: of one contract, or of several what each has. */
export type Clients<T> = T extends AnyContract
  ? Outside<T>
  : T extends readonly [infer C extends AnyContract, ...infer Others]
    ? Outside<C> & Clients<Others>
    : unknown

/** Without the operations that only other services may call. */
type Outside<C extends AnyContract> = {
  readonly [K in keyof C['resources']]: CallsOf<C['resources'][K]>
} & {
  readonly [O in keyof C['operations'] as C['operations'][O] extends { readonly access: 'service' }
    ? never
    : O]: OperationCall<C['operations'][O]>
}

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

/** Ids in paths of resources are texts to a client: it may have them from anywhere, and `me` stands for its own (R-USER-3). */
type AsText<P> = { readonly [K in keyof P]: string }
type OrMe<P> = { readonly [K in keyof P]: P[K] | 'me' }
type Name<T> = keyof T & string
type Below<P, A> = {} extends P ? [args?: A] : [args: P & A]
/** The parent's id is needed only where things live below it: `/carts/{cartId}/items/{id}`. */
type Item<P> = { readonly id: string } & Partial<P>
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
