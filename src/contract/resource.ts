import type { Id } from '../base/ids.ts'
import { type Allow, checkAllow } from './allow.ts'
import { type Cached, type CachedOptions, cachedOf } from './cached.ts'
import {
  type CheckedInput,
  type Field,
  type FieldSpec,
  type Fields,
  type Flat,
  type InputOf,
  type Patch,
  type Shown,
  type StatesOf,
  type Stored,
  specsOf,
  t,
} from './fields.ts'
import { checkList, checkObject, type KnownMembers, onlyKnown } from './known-members.ts'
import { checkLimitList, type Limit } from './limits.ts'
import { pluralOf, snakeCase } from './names.ts'
import { statesIn } from './state.ts'

/** What CRUD can do with a resource: GET of many, GET of one, POST, PUT, PATCH, DELETE. */
export type Verb = 'list' | 'get' | 'create' | 'replace' | 'update' | 'delete'

/** The resource that owns this one: mounts it at `/<parents>/{<parent>Id}/<plural>`. */
export interface Parent<N extends string = string, R extends AnyResource = AnyResource> {
  readonly of: R
  /** The field (and column) that holds the parent's id. */
  readonly field: N
}

export interface ListOptions {
  /** Fields to filter by; `{ role: 'roles' }` gives the parameter a name of its own. */
  readonly filter?: readonly (string | Readonly<Record<string, string>>)[]
  /** Text fields that `q` looks in. */
  readonly search?: readonly string[]
  readonly sort?: readonly string[]
  /** As in `?sort=`; by id (order of creation) when left out. */
  readonly defaultSort?: string
  /** With a parent: also at `/<plural>`. There an `owner` sees their own, other permitted callers all. */
  readonly root?: boolean
  /** Up to how many rows `total` is exact; 10,000 by default. */
  readonly exactTotal?: number
  /** How many rows deep `page` reaches; 10,000 by default. */
  readonly maxOffset?: number
  /**
   * A filter and a sort that are asked for together, `['status', 'total']`: there is to be an index for both. Every filter has
   * one with the default sort, and every sort one by itself.
   */
  readonly pairs?: readonly (readonly [filter: string, sort: string])[]
  /** Filters and sorts (and `q`) that have no index: lists by them read more the larger the table, and cost `scanCost`. */
  readonly scans?: readonly string[]
  /**
   * Tokens that a list without an index takes beside its `cost`: by those filters and sorts, by others together, by several
   * values, by `q`; and as many for `count=exact`. 4 by default.
   */
  readonly scanCost?: number
}

interface Inputs {
  readonly create?: Fields
  readonly update?: Fields
}

export interface ResourceOptions<
  P extends string,
  F extends Fields,
  A,
  C,
  I,
  N extends string,
  L = ListOptions,
  W = boolean,
  O extends AnyResource = AnyResource,
  D = boolean,
> {
  /** Type prefix of its ids: `ord` makes `ord_01h455vb4pex5vsknk084sn02q`. */
  readonly id: P
  /** Path segment, when English makes it otherwise than by -s or -ies. */
  readonly plural?: string
  readonly fields: F
  readonly parent?: Parent<N, O>
  /** Items live below the parent too: `/carts/{cartId}/items/{id}`. */
  readonly nested?: D
  /**
   * The field that holds the id of the user whom `owner` means; `id` where the resource is the user. A text for subjects of an identity
   * provider. Without a parent, who creates a thing is its owner, if the field is `server()`.
   */
  readonly owner?: (keyof F & string) | 'id'
  /** Table; the plural in snake_case by default. */
  readonly table?: string
  /**
   * What reads select from; the table, or `active_<table>` with soft delete, by default. With a view of its own an
   * answer may show data of other rows too: the ETag then serves If-Match only, and 304 is never given.
   */
  readonly view?: string
  /** Fields that no two (living) rows share; the index is named `<table>_<column>_key`. */
  readonly unique?: readonly (keyof F & string)[]
  /** Carries `version`, with optimistic locking (R-LOCK). True by default. */
  readonly versioned?: W
  /** Writes must say which version they mean, else 428. */
  readonly requireVersion?: boolean
  readonly softDelete?: boolean
  readonly list?: L
  /** Who may do what; a verb without a rule is not offered. */
  readonly access: A
  /** Verbs whose handlers you write; Lintel does the rest. */
  readonly custom?: readonly C[]
  /** What POST or PATCH takes, where that is not the resource's own fields. */
  readonly input?: I
  /** Problems that a verb may answer with, beside the usual ones. */
  readonly problems?: Readonly<Partial<Record<Verb, readonly string[]>>>
  /** Reads that are answered from the cache; none by default. `true`: GET of one, for an hour. */
  readonly cached?: boolean | CachedOptions
  /** Verbs with buckets of their own, instead of the system's usual one. */
  readonly limits?: Readonly<Partial<Record<Verb, readonly Limit[]>>>
  /** How much a request takes from each of its buckets; 1 by default. */
  readonly cost?: Readonly<Partial<Record<Verb, number>>>
  /** Milliseconds until the deadline of a verb's requests (R-P-7); the system's REQUEST_TIMEOUT by default. */
  readonly timeoutMs?: Readonly<Partial<Record<Verb, number>>>
  readonly allow?: Allow
  readonly description?: string
}

export interface Resource<
  P extends string = string,
  F extends Fields = Fields,
  C extends Verb = Verb,
  I extends Inputs = Inputs,
  /** Path parameters of what it stands below. */
  B = {},
  V extends Verb = Verb,
  L extends ListOptions = ListOptions,
  W extends boolean = boolean,
  D extends boolean = boolean,
> {
  readonly kind: 'resource'
  readonly name: string
  readonly plural: string
  readonly idPrefix: P
  readonly fields: F
  /** Every column by field name, with id and times. */
  readonly stored: Readonly<Record<string, FieldSpec>>
  /** Names of the fields that are states (`t.state`). */
  readonly states: readonly string[]
  /** What leaves the service, in order. */
  readonly shown: Readonly<Record<string, FieldSpec>>
  readonly parent: Parent | undefined
  readonly nested: D
  readonly owner: string | undefined
  readonly table: string
  readonly view: string
  readonly unique: readonly string[]
  readonly versioned: W
  readonly requireVersion: boolean
  readonly softDelete: boolean
  readonly derived: boolean
  readonly list: Required<
    Pick<ListOptions, 'sort' | 'search' | 'root' | 'exactTotal' | 'maxOffset' | 'pairs' | 'scans' | 'scanCost'>
  > & {
    /** Parameter name to field name. */
    readonly filter: Readonly<Record<string, string>>
    readonly defaultSort: string
  }
  readonly access: Readonly<Partial<Record<Verb, string>>>
  readonly custom: readonly C[]
  readonly input: { readonly [K in keyof I]: Readonly<Record<string, FieldSpec>> }
  readonly problems: Readonly<Partial<Record<Verb, readonly string[]>>>
  readonly cached: Cached | undefined
  readonly limits: Readonly<Partial<Record<Verb, readonly Limit[]>>>
  readonly cost: Readonly<Partial<Record<Verb, number>>>
  readonly timeoutMs: Readonly<Partial<Record<Verb, number>>>
  readonly allow: Allow
  readonly description: string | undefined
  /** Types only; never set. */
  readonly '~'?: { input: I; below: B; verbs: V; list: L }
}

export type AnyResource = Resource<any, any, any, any, any, any, any, any, any>
type FieldsOf<R extends AnyResource> = R['fields']
type InputsOf<R> = R extends Resource<any, any, any, infer I, any, any, any, any, any> ? I : never

/** Path parameters: the parent's id by the name of its field, and those of what a nested parent stands below. */
export type ParentParams<R extends AnyResource> =
  R extends Resource<any, any, any, any, infer B, any, any, any, any> ? B : never
type ParamsBelow<N extends string, O extends AnyResource> = [N] extends [never]
  ? {}
  : Flat<{ readonly [K in N]: IdOf<O> } & (O['nested'] extends true ? ParentParams<O> : {})>
/** The verbs whose handlers the service writes. */
export type CustomOf<R extends AnyResource> =
  R extends Resource<any, any, infer C, any, any, any, any, any, any> ? C : never
/** The ids of a resource: `IdOf<typeof Order>` is `ord_${string}`. */
export type IdOf<R extends AnyResource> = Id<R['idPrefix']>
/** A thing as its readers see it. */
export type ShownOf<R extends AnyResource> = BuiltIn<IdOf<R>, R['versioned']> & Shown<FieldsOf<R>>
/** What every thing has, versions where it has those. */
type BuiltIn<I, W> = [W] extends [true]
  ? { id: I; version: number; createdAt: string; updatedAt: string }
  : { id: I; createdAt: string; updatedAt: string }
/** A thing as its service has it, hidden fields included: what `readRow` reads of its row. */
export type ValuesOf<R extends AnyResource> = Flat<BuiltIn<IdOf<R>, R['versioned']> & Stored<FieldsOf<R>>>
/** What a client sends to create one. */
export type CreateInput<R extends AnyResource> =
  InputsOf<R> extends { create: infer F extends Fields } ? InputOf<F> : InputOf<FieldsOf<R>, NotCreated>
/** What a handler of `create` receives. */
export type CreateBody<R extends AnyResource> =
  InputsOf<R> extends { create: infer F extends Fields } ? CheckedInput<F> : CheckedInput<FieldsOf<R>, NotCreated>
export type ReplaceInput<R extends AnyResource> = Omit<InputOf<FieldsOf<R>, NotCreated>, FixedOf<R>> &
  StatesOf<FieldsOf<R>>
export type ReplaceBody<R extends AnyResource> = Omit<CheckedInput<FieldsOf<R>, NotCreated>, FixedOf<R>> &
  StatesOf<FieldsOf<R>>
/** Fields that no request gives when a thing is made; a state begins as its contract says. */
type NotCreated = 'server' | 'hidden' | 'state'
export type UpdateInput<R extends AnyResource> =
  InputsOf<R> extends { update: infer F extends Fields } ? InputOf<F> : Patch<FieldsOf<R>>
export type UpdateBody<R extends AnyResource> =
  InputsOf<R> extends { update: infer F extends Fields } ? CheckedInput<F> : Patch<FieldsOf<R>>
type FixedOf<R extends AnyResource> = {
  [K in keyof FieldsOf<R>]: FieldsOf<R>[K] extends Field<any, infer M> ? ('fixed' extends M ? K : never) : never
}[keyof FieldsOf<R>]

/**
 * A resource: a plural noun with fields, who may do what with it, and how its lists can be asked for.
 *
 * ```ts
 * const Product = resource('product', {
 *   id: 'prd',
 *   fields: { name: t.text({ max: 255 }), price: t.money(), currency: t.currency() },
 *   list: { filter: ['price'], sort: ['name', 'price'] },
 *   access: { list: 'public', get: 'public', create: 'admin', update: 'admin', delete: 'admin' },
 * })
 * ```
 */
export function resource<
  const P extends string,
  F extends Fields,
  const A extends Partial<Record<Verb, string>>,
  const C extends keyof A & Verb = never,
  I extends Inputs = {},
  const N extends string = never,
  const L extends ListOptions = {},
  const W extends boolean = true,
  O extends AnyResource = never,
  const D extends boolean = false,
>(
  name: string,
  options: ResourceOptions<P, F, A, C, I, N, L, W, O, D>,
): Resource<
  P,
  F,
  NoInfer<C>,
  NoInfer<I>,
  ParamsBelow<N, O>,
  NoInfer<keyof A & Verb>,
  NoInfer<L>,
  NoInfer<W>,
  NoInfer<D>
> {
  // NoInfer: written in place in `service(…)`, what is left out (no custom verbs) would be inferred from there, as any.
  checkMembers(`resource "${name}"`, options)
  const plural = options.plural ?? pluralOf(name)
  const table = options.table ?? snakeCase(plural)
  const versioned = (options.versioned ?? true) as NoInfer<W>
  const softDelete = options.softDelete ?? false
  const own = specsOf(options.fields)
  const head = { id: t.id(options.id).server().spec }
  const tail = {
    ...(versioned ? { version: t.integer({ min: 1 }).server().spec } : {}),
    createdAt: t.time().server().spec,
    updatedAt: t.time().server().spec,
  }
  const list: ListOptions = options.list ?? {}
  // Where a number is null, it is not left out: the rules of the contract name it.
  const { exactTotal = 10_000, maxOffset = 10_000, scanCost = 4 } = list
  const input: Record<string, Record<string, FieldSpec>> = {}
  for (const verb of ['create', 'update'] as const) {
    const fields = options.input?.[verb]
    if (fields) input[verb] = specsOf(fields)
  }
  return {
    kind: 'resource',
    name,
    plural,
    idPrefix: options.id,
    fields: options.fields,
    stored: { ...head, ...keep(own, (spec) => !spec.inputOnly), ...tail },
    states: statesIn(own),
    shown: { ...head, ...keep(own, (spec) => !spec.inputOnly && !spec.hidden), ...tail },
    parent: options.parent,
    nested: (options.nested ?? false) as NoInfer<D>,
    owner: options.owner,
    table,
    view: options.view ?? (softDelete ? `active_${table}` : table),
    unique: options.unique ?? [],
    versioned,
    requireVersion: options.requireVersion ?? false,
    softDelete,
    derived: options.view !== undefined,
    list: {
      filter: Object.assign(
        {},
        ...(list.filter ?? []).map((entry) => (typeof entry === 'string' ? { [entry]: entry } : entry)),
      ),
      search: list.search ?? [],
      sort: list.sort ?? [],
      defaultSort: list.defaultSort ?? 'id',
      root: list.root ?? false,
      exactTotal,
      maxOffset,
      pairs: list.pairs ?? [],
      scans: list.scans ?? [],
      scanCost,
    },
    access: options.access,
    custom: options.custom ?? [],
    input: input as { [K in keyof I]: Record<string, FieldSpec> },
    problems: options.problems ?? {},
    cached: cachedOf(`resource "${name}"`, options.cached),
    limits: options.limits ?? {},
    cost: options.cost ?? {},
    timeoutMs: options.timeoutMs ?? {},
    allow: checkAllow(`resource "${name}"`, options.allow),
    description: options.description,
  }
}

const RESOURCE: KnownMembers<ResourceOptions<any, any, any, any, any, any>> = {
  id: true,
  plural: true,
  fields: true,
  parent: true,
  nested: 'boolean',
  owner: true,
  table: true,
  view: true,
  unique: 'list',
  versioned: 'boolean',
  requireVersion: 'boolean',
  softDelete: 'boolean',
  list: true,
  access: true,
  custom: 'list',
  input: true,
  problems: true,
  cached: true,
  limits: true,
  cost: true,
  timeoutMs: true,
  allow: true,
  description: true,
}
const LIST: KnownMembers<ListOptions> = {
  filter: 'list',
  search: 'list',
  sort: 'list',
  defaultSort: true,
  pairs: 'list',
  scans: 'list',
  scanCost: true,
  root: 'boolean',
  exactTotal: true,
  maxOffset: true,
}
/** Verbs that there are not are named by the rules of the contract. */
function checkMembers(where: string, options: ResourceOptions<any, any, any, any, any, any>): void {
  checkObject(where, 'options', options)
  onlyKnown(where, options, RESOURCE)
  for (const name of ['fields', 'access'] as const) checkObject(where, name, options[name])
  for (const name of ['list', 'problems', 'limits', 'cost', 'timeoutMs'] as const)
    if (options[name] !== undefined) checkObject(where, name, options[name])
  onlyKnown(`${where}: parent`, options.parent, { of: true, field: true })
  onlyKnown(`${where}: list`, options.list, LIST)
  onlyKnown(`${where}: input`, options.input, { create: true, update: true })
  for (const [verb, limits] of Object.entries(options.limits ?? {})) checkLimitList(where, `limits.${verb}`, limits)
  for (const [verb, codes] of Object.entries(options.problems ?? {})) checkList(where, `problems.${verb}`, codes)
}

function keep(specs: Record<string, FieldSpec>, wanted: (spec: FieldSpec) => boolean): Record<string, FieldSpec> {
  return Object.fromEntries(Object.entries(specs).filter(([, spec]) => wanted(spec)))
}
