import type { Log } from '../call/call.ts'
import type { Client } from '../client/client-types.ts'
import type { ConsumerSpec } from '../contract/consumer.ts'
import type { AnyContract, Contract } from '../contract/contract.ts'
import type { EventData, EventSubject } from '../contract/event.ts'
import type { CheckedInput, Fields, Flat, InputOf, TypeOf } from '../contract/fields.ts'
import type { JobData } from '../contract/job.ts'
import type { ListRequest } from '../contract/list-query.ts'
import type { OperationSpec } from '../contract/operation.ts'
import type {
  AnyResource,
  CreateBody,
  CustomOf,
  IdOf,
  ParentParams,
  ReplaceBody,
  ShownOf,
  UpdateBody,
  ValuesOf,
  Verb,
} from '../contract/resource.ts'
import type { RouteSpec } from '../contract/route.ts'
import type { RowPage } from '../data/list.ts'
import type { Queryable, Writable } from '../data/pool.ts'
import type { Row } from '../data/row.ts'
import type { Deadline } from '../resilience/deadline.ts'
import type { Environment } from './environment.ts'
import type { HandlerInput, ReadInput } from './handler-input.ts'
import type { RouteAnswer } from './route-answer.ts'
import type { StreamedRequest, WholeRequest } from './route-request.ts'
import type { Security } from './security.ts'
import type { UnitCache } from './unit-cache.ts'

/** The transaction that a handler writes in: `unit.tx`. */
export type Tx = Writable

/**
 * What a handler works with: one transaction of its service's database, with the events that leave with it. Members are made
 * when they are first read, so a copy of the whole (`{ ...unit }`) lacks them.
 */
export interface Unit<C extends AnyContract = Contract> {
  /** Begins with its first statement, commits when the handler has returned. */
  readonly tx: Tx
  /** Reads outside the transaction: for what must not hold a connection while it waits. */
  readonly read: Queryable
  /** Publishes an event of the contract when the transaction commits: of a row, or of an id with its data. */
  emit<T extends keyof C['events'] & string>(type: T, row: Row<EventData<C['events'][T]>>): void
  emit<T extends keyof C['events'] & string>(type: T, id: string, data: EventData<C['events'][T]>): void
  /**
   * Has a job of the contract done when the transaction commits, by this process or another; with a rollback it never was.
   *
   *     unit.enqueue('sendReport', { month: '2026-11' }, { key: '2026-11' })
   */
  enqueue<J extends keyof C['jobs'] & string>(job: J, data: JobData<C['jobs'][J]>, options?: EnqueueOptions): void
  /**
   * Takes one from a bucket of the contract, for a key that only a handler can know. Rejects with the Problem RATE_LIMITED
   * when it is empty; the answer's headers show it beside the others, and the security log has a line that names the `account`
   * (id of a user) for whom it is.
   */
  limit(bucket: keyof C['buckets'] & string, key: string, account?: string | undefined): Promise<void>
  /** What the contract's settings are here; null for one that is left out and has no default. */
  readonly settings: SettingsOf<C>
  /** What handlers keep for each other, and drop. */
  readonly cache: UnitCache
  /**
   * A typed client of another service of the system. Its calls belong to the same request, and end by its deadline; each takes a
   * second at most, retries included, or `timeoutMs` where that is less.
   */
  call<D extends AnyContract>(contract: D, options?: { readonly timeoutMs?: number }): Client<D>
  /** Of the request, also of that which caused an event; the event's own id where that is not known. It goes with calls to other services, and stands in every line of `log`. */
  readonly requestId: string
  /** When the work must be done (R-P-7). */
  readonly deadline: Deadline
  /**
   * Aborts when the deadline has passed, when the client of a GET has gone away, when the service stops and waits no
   * longer, and when a command is ended by a signal: for `fetch` and whatever else a handler waits for.
   */
  readonly signal: AbortSignal
  readonly log: Log
  /** For lines of the security log: `unit.security.done('password.changed', { account: id })`. */
  readonly security: Security
}

type SettingsOf<C extends AnyContract> = { readonly [N in keyof C['settings']]: TypeOf<C['settings'][N]> }

export interface EnqueueOptions {
  /** Not before so many milliseconds have passed; 0, and a year at most. */
  readonly delayMs?: number
  /**
   * Of jobs of one name and key one waits, with the data of the last, due as soon as any of them; 1 to 500 characters. One that runs
   * already may have missed the news: another begins when it has ended.
   */
  readonly key?: string
}

export type Handler<C extends AnyContract, P, B, A, Q = {}> = (
  input: HandlerInput<P, B, Q>,
  unit: Unit<C>,
) => Promise<A>

type BodyOf<R extends AnyResource, V extends Verb> = V extends 'create'
  ? Flat<CreateBody<R>>
  : V extends 'replace'
    ? Flat<ReplaceBody<R>>
    : V extends 'update'
      ? Flat<UpdateBody<R>>
      : undefined
type ParamsOf<R extends AnyResource, V extends Verb> = V extends 'create' | 'list'
  ? ParentParams<R>
  : Flat<{ readonly id: IdOf<R> } & ParentParams<R>>
type AnswerOf<R extends AnyResource, V extends Verb> = V extends 'delete' ? void : Row<ValuesOf<R>> | ShownOf<R>
type OperationAnswer<A> = A extends AnyResource
  ? Row<ValuesOf<A>> | ShownOf<A>
  : [keyof A] extends [never]
    ? void
    : A extends Fields
      ? InputOf<A>
      : never

/** The handler of one verb: `HandlerOf<typeof orders, 'orders', 'create'>`. */
export type HandlerOf<C extends AnyContract, K extends keyof C['resources'], V extends Verb> = V extends 'list'
  ? ListHandler<C, C['resources'][K]>
  : V extends 'get'
    ? GetHandler<C, C['resources'][K]>
    : Handler<C, ParamsOf<C['resources'][K], V>, BodyOf<C['resources'][K], V>, AnswerOf<C['resources'][K], V>>

/** Answers what `usual` reads, or what it makes of that: whoever may read has been decided, and `fields` is seen to. */
export type GetHandler<C extends AnyContract, R extends AnyResource> = (
  input: ReadInput<ParamsOf<R, 'get'>, {}, () => Promise<Row<ValuesOf<R>>>>,
  unit: Unit<C>,
) => Promise<Row<ValuesOf<R>> | ShownOf<R>>

/**
 * Answers a page: the one that `usual` reads, narrowed to rows whose fields have these values, or what it makes of that; or one of its
 * own, as `query` asks for.
 */
export type ListHandler<C extends AnyContract, R extends AnyResource> = (
  input: ReadInput<ParamsOf<R, 'list'>, ListRequest, (only?: Narrowed<R>) => Promise<RowPage<Row<ValuesOf<R>>>>>,
  unit: Unit<C>,
) => Promise<Page<Row<ValuesOf<R>> | ShownOf<R>>>

/** A page of a list: `nextCursor` where there is more, and `total` where it is known. */
export type Page<T> = Pick<RowPage<T>, 'rows' | 'hasMore'> & Partial<RowPage<T>>
type Narrowed<R extends AnyResource> = {
  readonly [K in keyof ValuesOf<R>]?: Extract<ValuesOf<R>[K], string | number | boolean>
}

/** The handler of an operation of the contract's own: `OperationHandler<typeof users, 'login'>`. */
export type OperationHandler<C extends AnyContract, O extends keyof C['operations']> =
  C['operations'][O] extends OperationSpec<infer B, infer A, infer Q, infer P>
    ? Handler<C, P, Flat<CheckedInput<B>>, OperationAnswer<A>, Flat<CheckedInput<Q>>>
    : never

/** What the handler of a route works with: its transaction commits before the head of the answer is sent. */
export interface RouteUnit<C extends AnyContract = Contract> extends Unit<C> {
  /**
   * Does work in a transaction of its own, which has committed when this resolves; also while the answer streams, when that of the
   * handler is over. Each may take as long as the handler could.
   */
  run<T>(work: (unit: Unit<C>) => Promise<T>): Promise<T>
}

/** The handler of a route: `RouteHandler<typeof desk, 'paymentHook'>`. */
export type RouteHandler<C extends AnyContract, K extends keyof C['routes']> =
  C['routes'][K] extends RouteSpec<infer P, infer S, infer Status>
    ? (
        request: S extends true ? StreamedRequest<P> : WholeRequest<P>,
        unit: RouteUnit<C>,
      ) => Promise<RouteAnswer<Status>>
    : never

/** An event as its consumer gets it (R-EVT-1). */
export interface Event<T = any, N extends string = string, I extends string = string> {
  /** `evt_…` */
  readonly id: string
  readonly type: N
  /** `ord_…`: what it happened to. */
  readonly aggregateId: I
  /** When it was committed; RFC 3339. */
  readonly timestamp: string
  readonly data: T
}

/** What the handler of an event works with: a transaction in which its effect and the note that it is done commit. */
export interface ConsumerUnit<C extends AnyContract = Contract> extends Unit<C>, Environment {}

/**
 * Handles an event: once in effect, for what it does in its transaction; what it does elsewhere, such as a mail, may be
 * done again when the transaction fails. One that throws is tried again later, and in the end a dead letter (R-EVT-3).
 */
export type EventHandler<C extends AnyContract, E extends Event> = (event: E, unit: ConsumerUnit<C>) => Promise<void>

/** A job as its handler gets it. */
export interface Job<T = any, N extends string = string> {
  /** `job_…` */
  readonly id: string
  readonly name: N
  readonly data: T
  /** RFC 3339. */
  readonly enqueuedAt: string
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /** Whether it is the last: where it fails, the job is dead. */
  readonly isLast: boolean
}

/** What the handler of a job works with: a transaction in which its effect commits, and the job goes. */
export interface JobUnit<C extends AnyContract = Contract> extends ConsumerUnit<C> {
  /**
   * Does work in a transaction of its own, which has committed when this resolves: for what others must see before the handler goes
   * on. It may be done again where the job is tried again.
   */
  run<T>(work: (unit: Unit<C>) => Promise<T>): Promise<T>
}

/**
 * Does a job: once in effect, for what it does in its transaction, which begins with its first statement; what it does elsewhere may
 * be done again. One that throws is tried again later, and in the end it is dead: `lintel work list`.
 */
export type JobHandler<C extends AnyContract, J extends keyof C['jobs']> = (
  job: Job<JobData<C['jobs'][J]>, J & string>,
  unit: JobUnit<C>,
) => Promise<void>

/** The events of a consumer; those of the service itself its contract has. */
type EventOf<E, N extends keyof E & string> = Event<EventData<E[N]>, N, EventSubject<E[N]>>

type EventsOf<S, C extends AnyContract> =
  S extends ConsumerSpec<infer E, infer Own>
    ? [Own] extends [never]
      ? E
      : Pick<C['events'], Own & keyof C['events']>
    : never

/** The handlers of a consumer, by the type of the event: `ConsumerHandlers<typeof orders, 'buyers'>['user.created']`. */
export type ConsumerHandlers<C extends AnyContract, K extends keyof C['consumers']> = {
  [T in keyof EventsOf<C['consumers'][K], C> & string]: EventHandler<C, EventOf<EventsOf<C['consumers'][K], C>, T>>
}

/** One handler for several events of a consumer: `EventHandlerOf<typeof orders, 'buyers', 'user.created' | 'user.updated'>`. */
export type EventHandlerOf<
  C extends AnyContract,
  K extends keyof C['consumers'],
  T extends keyof EventsOf<C['consumers'][K], C> & string,
> = EventHandler<C, { [N in T]: EventOf<EventsOf<C['consumers'][K], C>, N> }[T]>

type WithHandlers<R> = {
  [K in keyof R]: R[K] extends AnyResource ? ([CustomOf<R[K]>] extends [never] ? never : K) : never
}[keyof R]

/**
 * Every handler that a contract asks for, and no other: one that is missing, misspelt or mistyped does not compile. One
 * mapped type, not two that are joined: only so does a handler that is written in place know its parameters.
 */
export type Handlers<C extends AnyContract> = {
  [K in
    | WithHandlers<C['resources']>
    | keyof C['operations']
    | keyof C['routes']
    | keyof C['consumers']
    | keyof C['jobs']]: K extends keyof C['operations']
    ? OperationHandler<C, K>
    : K extends keyof C['routes']
      ? RouteHandler<C, K>
      : K extends keyof C['jobs']
        ? JobHandler<C, K>
        : K extends keyof C['consumers']
          ? ConsumerHandlers<C, K>
          : { [V in CustomOf<C['resources'][K]>]: HandlerOf<C, K, V> }
}
