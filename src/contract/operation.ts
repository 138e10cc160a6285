import { Fault } from '../base/errors.ts'
import type { Access } from './access.ts'
import { type Allow, checkAllow } from './allow.ts'
import type { CachedRead } from './cached.ts'
import { type FieldSpec, type Fields, specsOf } from './fields.ts'
import { checkObject, inWords, type KnownMembers, onlyKnown } from './known-members.ts'
import { checkLimitList, type Limit } from './limits.ts'
import type { AnyResource, IdOf, ParentParams, Verb } from './resource.ts'
import type { ServedRoute } from './served-route.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** HEAD comes with GET; an operation of its own it is only where a foreign description says so. */
export type ServedMethod = Method | 'HEAD'

/** Where an operation takes its caller's credentials from: an access token, or its own path and body. */
export type Credentials = 'bearer' | 'own'

export interface OperationOptions<B, A, Q, R, Path extends string, X extends string = string> {
  readonly method: Method
  /** A template: `/email-verifications/{token}`. It gives `params` of the handler and of the client their names. */
  readonly path: Path
  /**
   * The resource of this contract that it is about, where its path begins with that of one thing: `/tickets/{ticketId}/closures`.
   * The thing is looked for first (404), `owner` in `access` means its owner, and `If-Match` its version.
   */
  readonly on?: R
  /** Query parameters: single values, or lists of them. Any other is rejected (R-FILTER-2). */
  readonly query?: Q
  readonly body?: B
  /** Fields, or a resource that is shown as its reads show it, with its ETag. */
  readonly answer?: A
  /** 200 (GET, PUT, PATCH), 201 (POST; `answer` is then the resource that `Location` names), 204 (DELETE) by default. */
  readonly status?: number
  readonly access: X
  /**
   * How it knows its caller: `bearer`, the default, by an access token in `Authorization`; `own` by what stands in its path or
   * body, such as a password or a refresh token. With `own` any `Authorization` is ignored, so that clients may send an expired
   * token along, and requests draw from the system's bucket for signing in, 10 a minute for each address; `RATE_LIMIT_AUTH_MAX`
   * goes before that and before `limits`. Only for operations that are `public`.
   */
  readonly credentials?: Credentials
  readonly problems?: readonly string[]
  /** Its answer holds secrets: it is neither kept for an Idempotency-Key nor cached anywhere. */
  readonly secret?: boolean
  /** Buckets of its own, instead of the system's usual one. */
  readonly limits?: readonly Limit[]
  /** How much a request takes from each of its buckets; 1 by default. */
  readonly cost?: number
  /** Milliseconds after which a request is answered with 504 and its work ends; the system's REQUEST_TIMEOUT by default. */
  readonly timeoutMs?: number
  readonly allow?: Allow
  readonly description?: string
}

type NamesIn<Path extends string> = Path extends `${string}{${infer N}}${infer Rest}` ? N | NamesIn<Rest> : never
/** The first parameter that is none of the parents' is the id of the thing itself. */
type ThingIn<Path extends string, Parents> = Path extends `${string}{${infer N}}${infer Rest}`
  ? N extends Parents
    ? ThingIn<Rest, Parents>
    : N
  : never

/** What a template's parameters are: ids of the thing and of what it stands below by their type, others texts. */
export type PathParams<Path extends string, R> = string extends Path
  ? { readonly [name: string]: string }
  : {
      readonly [N in NamesIn<Path>]: R extends AnyResource
        ? N extends ThingIn<Path, keyof ParentParams<R>>
          ? IdOf<R>
          : N extends keyof ParentParams<R>
            ? ParentParams<R>[N]
            : string
        : string
    }

/** An operation that is no CRUD verb of a resource. */
export interface OperationSpec<
  B extends Fields = any,
  A extends Fields | AnyResource = any,
  Q extends Fields = any,
  P = any,
  X extends string = string,
> {
  readonly method: Method
  readonly path: string
  readonly on: AnyResource | undefined
  /** The resource that it answers with, if it is one. */
  readonly shows: AnyResource | undefined
  readonly query: Readonly<Record<string, FieldSpec>> | undefined
  readonly body: Readonly<Record<string, FieldSpec>> | undefined
  readonly answer: Readonly<Record<string, FieldSpec>> | undefined
  readonly status: number
  readonly access: X
  readonly credentials: Credentials
  readonly problems: readonly string[]
  readonly secret: boolean
  readonly limits: readonly Limit[] | undefined
  readonly cost: number
  readonly timeoutMs: number | undefined
  readonly allow: Allow
  readonly description: string | undefined
  readonly '~'?: { body: B; answer: A; query: Q; params: P }
}

/** What a method answers where nothing else is said. */
export const STATUS: Record<Method, number> = { GET: 200, POST: 201, PUT: 200, PATCH: 200, DELETE: 204 }

const OPTIONS: KnownMembers<OperationOptions<any, any, any, any, any>> = {
  method: true,
  path: true,
  on: true,
  query: true,
  body: true,
  answer: true,
  status: true,
  access: true,
  credentials: true,
  problems: 'list',
  secret: 'boolean',
  limits: 'list',
  cost: true,
  timeoutMs: true,
  allow: true,
  description: true,
}

/** Declares an operation beside the resources: `login: operation({ method: 'POST', path: '/auth/login', credentials: 'own', ... })`. */
export function operation<
  const Path extends string,
  B extends Fields = {},
  A extends Fields | AnyResource = {},
  Q extends Fields = {},
  R extends AnyResource | undefined = undefined,
  const X extends string = string,
>(
  options: OperationOptions<B, A, Q, R, Path, X>,
): OperationSpec<NoInfer<B>, NoInfer<A>, NoInfer<Q>, PathParams<NoInfer<Path>, NoInfer<R>>, NoInfer<X>> {
  // NoInfer as in `resource`: what is left out would be inferred from a `service(…)` around it, as any.
  checkObject('operation(…)', 'options', options)
  const where = `operation ${options.method} ${options.path}`
  // Where a number is null, it is not left out: the rules of the contract name it.
  const { status = STATUS[options.method], cost = 1 } = options
  onlyKnown(where, options, OPTIONS)
  checkLimitList(where, 'limits', options.limits)
  if (options.on !== undefined && !isResource(options.on))
    throw new Fault('INVALID_CONTRACT', `R-P-6 ${where} has ${inWords(options.on)} as \`on\`: expected a resource`)
  const { answer } = options
  const shows = isResource(answer) ? answer : undefined
  return {
    method: options.method,
    path: options.path,
    on: options.on,
    shows,
    query: options.query && specsOf(options.query),
    body: options.body && specsOf(options.body),
    answer: shows ? shows.shown : answer && specsOf(answer as Fields),
    status,
    access: options.access,
    credentials: options.credentials ?? 'bearer',
    problems: options.problems ?? [],
    secret: options.secret ?? false,
    limits: options.limits,
    cost,
    timeoutMs: options.timeoutMs,
    allow: checkAllow(where, options.allow),
    description: options.description,
  }
}

function isResource(value: unknown): value is AnyResource {
  return (value as { kind?: unknown } | undefined)?.kind === 'resource'
}

/** An operation as it is served: a resource's verb at one path, or one of the contract's own. */
export interface Operation {
  /** Unique in the system: `orders.orders.list`. */
  readonly id: string
  readonly service: string
  /** The resource's key and the verb, or `undefined` and the operation's key. */
  readonly key: string | undefined
  readonly verb: Verb | 'custom' | 'route'
  /** Name of the handler, and of the typed client's function. */
  readonly name: string
  readonly method: ServedMethod
  readonly path: string
  readonly segments: readonly string[]
  /** Path parameters in order; a prefix where they are ids. */
  readonly params: readonly { name: string; prefix: string | undefined }[]
  /** What a route takes and answers; undefined for every other operation. */
  readonly route: ServedRoute | undefined
  readonly resource: AnyResource | undefined
  /** Of an operation of the contract's own: the thing that it is about, and which of its parameters is that one's id. */
  readonly on: { readonly resource: AnyResource; readonly param: string } | undefined
  /** Of an operation of the contract's own: the resource that it answers with, and that one's key. */
  readonly shows: { readonly resource: AnyResource; readonly key: string } | undefined
  /** Query parameters of an operation of the contract's own; undefined where it takes none. */
  readonly query: Readonly<Record<string, FieldSpec>> | undefined
  readonly allow: Allow
  /** Handled by the service's own code. */
  readonly custom: boolean
  readonly body: Readonly<Record<string, FieldSpec>> | undefined
  readonly answer: Readonly<Record<string, FieldSpec>> | undefined
  readonly status: number
  readonly access: Access
  readonly credentials: Credentials
  readonly problems: readonly string[]
  readonly secret: boolean
  readonly limits: readonly Limit[] | undefined
  readonly cost: number
  /** Milliseconds until a request's deadline; undefined: the system's REQUEST_TIMEOUT. */
  readonly timeoutMs: number | undefined
  readonly description: string | undefined
  readonly facts: Facts
}

/** An operation as its contract describes it, before its facts are known. */
export type DescribedOperation = Omit<Operation, 'facts'>

/**
 * What follows from the description of an operation: worked out once, where its contract is defined (facts.ts), and read by
 * every room, so that the documents say what requests meet.
 */
export interface Facts {
  /** Reads `Authorization`. Credentials of no use are then rejected, even where none are needed. */
  readonly readsToken: boolean
  /** Its requests draw from buckets for signing in, and `RATE_LIMIT_AUTH_MAX` goes before what it says. */
  readonly signsIn: boolean
  /** As `ownerParam` tells; -1 where the path does not say whose a resource is. */
  readonly ownerParam: number
  /** Lists at the root a resource that has a parent (`listAll`) or an owner: no parent is named, and owners see their own rows. */
  readonly atRoot: boolean
  /**
   * The buckets that it draws from: its own, or those of the system (`default`: of the user, else the address; `auth`: of the
   * address, for signing in). `none`: it is not counted.
   */
  readonly buckets: 'none' | 'default' | 'auth' | readonly Bucket[]
  /** Its answers are kept for an `Idempotency-Key`. */
  readonly keepsAnswers: boolean
  /** A read is answered with 304 when `If-None-Match` names its ETag (R-LOCK-3). */
  readonly answersNotModified: boolean
  /** A read that is answered from the cache; undefined: each reads the database (R-P-5). */
  readonly cached: CachedRead | undefined
  /** Every code that it may answer with in a version of the API, in the order of `contract.problems`. */
  codes(version: number): string[]
}

/** A bucket of an operation's own. */
export interface Bucket extends Limit {
  /** Unique in the system, and public: `users.login.ip`. */
  readonly name: string
}

/** The media types that the body of a request with this method may have; JSON Merge Patch first (RFC 7396). */
export function acceptedTypes(method: ServedMethod): readonly string[] {
  return method === 'PATCH' ? ['application/merge-patch+json', 'application/json'] : ['application/json']
}
