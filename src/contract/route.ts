import { Fault } from '../base/errors.ts'
import { parseAccess } from './access.ts'
import { checkObject, type KnownMembers, onlyKnown, wrongKind } from './known-members.ts'
import { checkLimitList, type Limit } from './limits.ts'
import type { Credentials, DescribedOperation, Method, PathParams } from './operation.ts'
import type { RouteBody, ServedRoute } from './served-route.ts'

/** Media types by status; null where there is no body: `{ 200: 'text/html', 303: null }`. */
export type RouteAnswers = Readonly<Record<number, string | readonly string[] | null>>

export interface RouteOptions<
  Path extends string = string,
  B extends RouteBody | undefined = RouteBody | undefined,
  A = RouteAnswers,
> {
  /** HEAD comes with GET, and the handler takes it for one. */
  readonly methods: readonly Method[]
  /** A template: `/uploads/{name}`. It gives `request.params` their names. */
  readonly path: Path
  /** As of an operation, without `owner`: whose a thing is, the handler knows. */
  readonly access: string
  /**
   * `bearer`, the default: an access token in `Authorization`, which the handler does not see. `own`: the handler checks what it likes,
   * such as a signature or an `Authorization` of its own; only for routes that are `public`.
   */
  readonly credentials?: Credentials
  /**
   * With credentials of its own, that it is about signing in: requests draw from the system's bucket for that, 10 a minute for each
   * address, and `RATE_LIMIT_AUTH_MAX` goes before that and before `limits`.
   */
  readonly signsIn?: boolean
  /** Without it, a request with a body is a 400. */
  readonly body?: B
  readonly answers: A
  readonly problems?: readonly string[]
  /** Its answer holds secrets: it is not compressed, and cached nowhere. */
  readonly secret?: boolean
  /** Buckets of its own, instead of the system's usual one. */
  readonly limits?: readonly Limit[]
  /** How much a request takes from each of its buckets; 1 by default. */
  readonly cost?: number
  /**
   * Milliseconds until the handler has returned its answer, a streamed body included; the system's REQUEST_TIMEOUT by default. An answer
   * that streams from then on may take as long as its client reads.
   */
  readonly timeoutMs?: number
  readonly description?: string
}

/** A path with a handler that sees the request as it came, and answers what it likes. */
export interface RouteSpec<P = any, S extends boolean = boolean, Status extends number = number> {
  readonly methods: readonly Method[]
  readonly path: string
  readonly access: string
  readonly credentials: Credentials
  readonly signsIn: boolean
  readonly body: Required<RouteBody> | undefined
  readonly answers: ServedRoute['answers']
  readonly problems: readonly string[]
  readonly secret: boolean
  readonly limits: readonly Limit[] | undefined
  readonly cost: number
  readonly timeoutMs: number | undefined
  readonly description: string | undefined
  readonly '~'?: { params: P; streamed: S; status: Status }
}

const OPTIONS: KnownMembers<RouteOptions<string, RouteBody, RouteAnswers>> = {
  methods: 'list',
  path: true,
  access: true,
  credentials: true,
  signsIn: 'boolean',
  body: true,
  answers: true,
  problems: 'list',
  secret: 'boolean',
  limits: 'list',
  cost: true,
  timeoutMs: true,
  description: true,
}
const BODY: KnownMembers<RouteBody> = { types: 'list', maxBytes: true, streamed: 'boolean' }

const USUAL_BYTES = 1024 * 1024

type IsStreamed<B> = B extends { readonly streamed: true } ? true : false

/**
 * Declares a route, for what no operation can say: webhooks, uploads, events that a server sends, pages.
 *
 *     const paymentHook = route({
 *       methods: ['POST'], path: '/payment-notifications', access: 'public', credentials: 'own',
 *       body: { types: ['application/json'], maxBytes: 64 * 1024 }, answers: { 204: null },
 *     })
 */
export function route<
  const Path extends string,
  const A extends RouteAnswers,
  const B extends RouteBody | undefined = undefined,
>(
  options: RouteOptions<Path, B, A>,
): RouteSpec<PathParams<NoInfer<Path>, undefined>, IsStreamed<NoInfer<B>>, keyof NoInfer<A> & number> {
  checkObject('route(…)', 'options', options)
  const where = `route ${options.path}`
  onlyKnown(where, options, OPTIONS)
  for (const member of ['methods', 'path', 'access', 'answers'] as const)
    if (options[member] === undefined) throw new Fault('INVALID_CONTRACT', `R-P-6 ${where} has no \`${member}\``)
  for (const member of ['path', 'access'] as const)
    if (typeof options[member] !== 'string') throw wrongKind(where, member, options[member], 'a text')
  checkLimitList(where, 'limits', options.limits)
  checkObject(where, 'answers', options.answers)
  for (const [status, types] of Object.entries(options.answers))
    if (types !== null && types.length === 0)
      throw wrongKind(where, `answers.${status}`, types, 'media types, or null where there is no body')
  const { body, cost = 1 } = options
  if (body !== undefined) {
    checkObject(where, 'body', body)
    onlyKnown(`${where}: body`, body, BODY)
    if (body.types === undefined) throw new Fault('INVALID_CONTRACT', `R-P-6 ${where}: body has no \`types\``)
  }
  return {
    methods: options.methods,
    path: options.path,
    access: options.access,
    credentials: options.credentials ?? 'bearer',
    signsIn: options.signsIn ?? false,
    body: body && {
      types: body.types.map(lowerCase),
      // Of what is streamed nobody knows the usual size: its rule asks for one.
      maxBytes: body.maxBytes ?? (body.streamed ? 0 : USUAL_BYTES),
      streamed: body.streamed ?? false,
    },
    answers: Object.fromEntries(
      Object.entries(options.answers).map(([status, types]) => [
        status,
        (types === null ? [] : Array.isArray(types) ? types : [types]).map(lowerCase),
      ]),
    ),
    problems: options.problems ?? [],
    secret: options.secret ?? false,
    limits: options.limits,
    cost,
    timeoutMs: options.timeoutMs,
    description: options.description,
  }
}

/** In JavaScript it may be anything: a rule of the contract says so. */
function lowerCase(type: string): string {
  return typeof type === 'string' ? type.toLowerCase() : type
}

/** A route as it is served: an operation for each of its methods, with one handler. */
export function routeOperations(service: string, name: string, spec: RouteSpec): DescribedOperation[] {
  const types = Object.values(spec.answers).flat()
  const { body, answers, signsIn } = spec
  const route: ServedRoute = { body, answers, signsIn, isEndless: types.includes('text/event-stream') }
  const statuses = Object.keys(answers).map(Number)
  return spec.methods.map((method) => ({
    id: `${service}.${name}.${String(method).toLowerCase()}`,
    service,
    key: undefined,
    verb: 'route',
    name,
    method,
    path: spec.path,
    segments: spec.path.split('/').slice(1),
    params: [...spec.path.matchAll(/\{([^{}]*)\}/g)].map(([, param = '']) => ({ name: param, prefix: undefined })),
    route,
    resource: undefined,
    on: undefined,
    shows: undefined,
    query: undefined,
    allow: {},
    custom: true,
    body: undefined,
    answer: undefined,
    status: statuses[0] ?? 200,
    access: parseAccess(spec.access),
    credentials: spec.credentials,
    problems: spec.problems,
    secret: spec.secret,
    limits: spec.limits,
    cost: spec.cost,
    timeoutMs: spec.timeoutMs,
    description: spec.description,
  }))
}
