import { MAX_AMOUNT } from '../base/money.ts'
import { checkObject, type KnownMembers, onlyKnown } from './known-members.ts'

/**
 * Fields: what a value may be, said once. A field is plain immutable data (`spec`) with a type; checks, JSON Schema,
 * columns and JSON writers are all derived from the same spec.
 */
export type Kind =
  | 'text'
  | 'email'
  | 'integer'
  | 'decimal'
  | 'money'
  | 'boolean'
  | 'time'
  | 'id'
  | 'oneOf'
  | 'list'
  | 'object'

/** By state: the states that follow it, each with who may take a thing there, in the language of `access`. */
export type Transitions = Readonly<Record<string, Readonly<Record<string, string>>>>

export interface FieldSpec {
  readonly kind: Kind
  /** Characters of a text, value of a number, members of a list; inclusive. */
  readonly min?: number
  readonly max?: number
  readonly pattern?: RegExp
  /** What `pattern` means, for the message: "three capital letters". */
  readonly patternHint?: string
  /** Decimals allowed, for decimal and money. */
  readonly scale?: number
  /** Type prefix, for id. */
  readonly prefix?: string
  readonly values?: readonly string[]
  /** Of a state: what may follow what, and by whom. */
  readonly transitions?: Transitions
  /** Of a state: where a new thing begins. */
  readonly initial?: string
  /** Of a state: each transition publishes the event `<resource>.<state>`. */
  readonly events?: boolean
  readonly of?: FieldSpec
  readonly fields?: Readonly<Record<string, FieldSpec>>
  readonly nullable?: boolean
  /** May be left out of a request. */
  readonly optional?: boolean
  readonly default?: unknown
  /** Set by the service; refused in requests. */
  readonly server?: boolean
  /** Accepted in requests, never in an answer. */
  readonly inputOnly?: boolean
  /** Accepted when the thing is created, refused later. */
  readonly fixed?: boolean
  /** A column that never leaves the service and never comes from outside. */
  readonly hidden?: boolean
  /** Roles that may give another value than the default, and change it later. */
  readonly only?: readonly string[]
  readonly description?: string
  /** What documents show of it. */
  readonly example?: unknown
}

/** What a field may do, as a union of marks in its type; lists ask for a `time` and an `amount` in their own ways. */
export type Mark =
  | 'plain'
  | 'time'
  | 'amount'
  | 'optional'
  | 'server'
  | 'computed'
  | 'inputOnly'
  | 'fixed'
  | 'hidden'
  | 'state'

export interface Field<T = unknown, M extends Mark = Mark> {
  readonly spec: FieldSpec
  /** Types only; never set. */
  readonly '~'?: { type: T; mark: M }
  /** May be left out or null; absent is null in answers. */
  optional(): Field<T | null, M | 'optional'>
  /** May be null, but must be given. */
  nullable(): Field<T | null, M>
  /** May be left out; then it is `value`. */
  default(value: T): Field<T, M | 'optional'>
  server(): Field<T, M | 'server'>
  /** The table or its view makes it of other columns: it is shown, and nobody writes it. */
  computed(): Field<T, M | 'server' | 'computed'>
  inputOnly(): Field<T, M | 'inputOnly'>
  fixed(): Field<T, M | 'fixed'>
  hidden(): Field<T, M | 'hidden'>
  /** Only callers of these roles may give another value than the default, or change it: 403 for the rest. */
  only(...roles: string[]): Field<T, M>
  describe(description: string): Field<T, M>
  /** What documents show as its value; it must be a valid one. By default one is made of the field's kind and name. */
  example(value: T): Field<T, M>
}

export type AnyField = Field<any, any>
export type Fields = Readonly<Record<string, AnyField>>

export type TypeOf<F> = F extends Field<infer T, any> ? T : never
type MarkOf<F> = F extends Field<any, infer M> ? M : never
type Without<F extends Fields, M extends Mark> = {
  [K in keyof F as MarkOf<F[K]> & M extends never ? K : never]: F[K]
}
/** The types of the fields that have none of the marks `M`. */
type TypesWithout<F extends Fields, M extends Mark> = {
  [K in keyof F as MarkOf<F[K]> & M extends never ? K : never]: TypeOf<F[K]>
}
type Optional<F extends Fields> = { [K in keyof F as 'optional' extends MarkOf<F[K]> ? K : never]?: TypeOf<F[K]> }
type Required<F extends Fields> = { [K in keyof F as 'optional' extends MarkOf<F[K]> ? never : K]: TypeOf<F[K]> }

/** One level, written out, so that an editor shows its members. */
export type Flat<T> = { [K in keyof T]: T[K] } & {}

/** The same, each optional. */
type SomeWithout<F extends Fields, M extends Mark> = {
  [K in keyof F as MarkOf<F[K]> & M extends never ? K : never]?: TypeOf<F[K]>
}

/** What a request gives, before defaults; without the fields that have one of the marks `M`. */
export type InputOf<F extends Fields, M extends Mark = 'server' | 'hidden'> = Required<Without<F, M>> &
  Optional<Without<F, M>>
/** What a handler receives: defaults are filled in, what was left out is null. */
export type CheckedInput<F extends Fields, M extends Mark = 'server' | 'hidden'> = TypesWithout<F, M>
/** The states that a request may change. */
export type StatesOf<F extends Fields> = {
  [K in keyof Without<F, 'server' | 'hidden'> as 'state' extends MarkOf<F[K]> ? K : never]?: TypeOf<F[K]>
}
/** A part of it, as PATCH gives it. */
export type Patch<F extends Fields> = SomeWithout<F, 'server' | 'hidden' | 'fixed'>
/** What leaves the service. */
export type Shown<F extends Fields> = TypesWithout<F, 'inputOnly' | 'hidden'>
/** What a table holds. */
export type Stored<F extends Fields> = TypesWithout<F, 'inputOnly'>
/** What a new row is given: what may be null, or has a default, may be left out. */
export type NewRow<F extends Fields> = { [K in keyof F as WrittenAs<F[K], K, 'must'>]: TypeOf<F[K]> } & {
  [K in keyof F as WrittenAs<F[K], K, 'may'>]?: TypeOf<F[K]>
}
/** What a row may be changed to. */
export type ChangedRow<F extends Fields> = SomeWithout<F, 'inputOnly' | 'computed' | 'fixed'>
/** The name of a field that a new row must or may be given; `never` else. */
type WrittenAs<F, K, N extends 'must' | 'may'> =
  F extends Field<infer T, infer M>
    ? M & ('inputOnly' | 'computed') extends never
      ? N extends (null extends T ? 'may' : M & ('optional' | 'state') extends never ? 'must' : 'may')
        ? K
        : never
      : never
    : never

export function field<T, M extends Mark = 'plain'>(spec: FieldSpec): Field<T, M> {
  const mark = (change: Partial<FieldSpec>): any => field({ ...spec, ...change })
  return {
    spec,
    optional: () => mark({ optional: true, nullable: true }),
    nullable: () => mark({ nullable: true }),
    default: (value) => mark({ optional: true, default: value }),
    server: () => mark({ server: true }),
    computed: () => mark({ server: true }),
    inputOnly: () => mark({ inputOnly: true }),
    fixed: () => mark({ fixed: true }),
    hidden: () => mark({ hidden: true, server: true }),
    only: (...roles) => mark({ only: roles }),
    describe: (description) => mark({ description }),
    example: (value) => mark({ example: value }),
  }
}

interface TextLimits {
  /** Characters (code points); 0 and 10,000 by default. */
  min?: number
  max?: number
  pattern?: RegExp
  patternHint?: string
}
interface NumberLimits {
  min?: number
  max?: number
}

interface StateOptions<S extends string> {
  /** Where a new one begins. */
  initial: S
  /** Each transition publishes the event `<resource>.<state>`; false by default. */
  events?: boolean
}

const STATE: KnownMembers<StateOptions<string>> = { initial: true, events: 'boolean' }

const TEXT: KnownMembers<TextLimits> = { min: true, max: true, pattern: true, patternHint: true }
const NUMBER: KnownMembers<NumberLimits> = { min: true, max: true }

/** PostgreSQL's `integer`. */
const INT4_MAX = 2_147_483_647

/** The kinds of field. */
export const t = {
  text: (limits: TextLimits = {}) => {
    onlyKnown('t.text', limits, TEXT)
    return field<string>({ kind: 'text', min: 0, max: 10_000, ...limits })
  },
  /** An address as RFC 5321 bounds it, compared without case; handlers get it in its one spelling (NFKC). */
  email: () => field<string>({ kind: 'email', min: 3, max: 255 }),
  integer: (limits: NumberLimits = {}) => {
    onlyKnown('t.integer', limits, NUMBER)
    return field<number>({ kind: 'integer', min: -INT4_MAX - 1, max: INT4_MAX, ...limits })
  },
  /** A number with at most `scale` decimals, stored as `numeric`; of 15 digits, which a JSON number holds exactly. */
  decimal: (limits: NumberLimits & { scale: number }) => {
    onlyKnown('t.decimal', limits, { ...NUMBER, scale: true })
    const largest = (1e15 - 1) / 10 ** limits.scale
    return field<number, 'amount'>({ kind: 'decimal', min: -largest, max: largest, ...limits })
  },
  /** An amount with at most two decimals, zero or more unless told otherwise; a `currency` field stands beside it. */
  money: (limits: NumberLimits = {}) => {
    onlyKnown('t.money', limits, NUMBER)
    return field<number, 'amount'>({ kind: 'money', scale: 2, min: 0, max: MAX_AMOUNT, ...limits })
  },
  /** ISO 4217. */
  currency: () =>
    field<string>({
      kind: 'text',
      min: 3,
      max: 3,
      pattern: /^[A-Z]{3}$/,
      patternHint: 'three capital letters (ISO 4217)',
      example: 'USD',
    }),
  boolean: () => field<boolean>({ kind: 'boolean' }),
  /** RFC 3339; kept, compared and shown in UTC to the millisecond. */
  time: () => field<string, 'time'>({ kind: 'time' }),
  /** A TypeID such as `usr_01h455vb4pex5vsknk084sn02q`. */
  id: <P extends string>(prefix: P) => field<`${P}_${string}`>({ kind: 'id', prefix }),
  oneOf: <const V extends string>(...values: V[]) => field<V>({ kind: 'oneOf', values }),
  /**
   * A state: by each, those that may follow it, with who may take a thing there, as in `access`. A new one begins as `initial`,
   * which no request says. Another transition is a Problem INVALID_TRANSITION, by somebody else FORBIDDEN, also for `change` in a
   * handler; the role `service` is the service itself.
   *
   *     t.state({ open: { closed: 'owner | admin' }, closed: {} }, { initial: 'open' })
   */
  state: <const S extends string>(
    transitions: Readonly<Record<S, Readonly<Partial<Record<NoInfer<S>, string>>>>>,
    options: StateOptions<NoInfer<S>>,
  ) => {
    checkObject('t.state', 'states', transitions)
    for (const [from, next] of Object.entries(transitions)) checkObject('t.state', `states.${from}`, next)
    checkObject('t.state', 'options', options)
    onlyKnown('t.state', options, STATE)
    const { initial, events = false } = options
    const values = Object.keys(transitions)
    return field<S, 'state'>({ kind: 'oneOf', values, transitions: transitions as Transitions, initial, events })
  },
  list: <T>(of: Field<T, any>, limits: NumberLimits = {}) => {
    onlyKnown('t.list', limits, NUMBER)
    return field<T[]>({ kind: 'list', of: of.spec, min: 0, max: 1000, ...limits })
  },
  object: <F extends Fields>(fields: F) => field<ObjectType<F>>({ kind: 'object', fields: specsOf(fields) }),
}

/** One flat object, so that an editor shows its members. */
type ObjectType<F extends Fields> = { [K in keyof (Required<F> & Optional<F>)]: (Required<F> & Optional<F>)[K] } & {}

export function specsOf(fields: Fields): Record<string, FieldSpec> {
  const specs: Record<string, FieldSpec> = {}
  for (const name in fields) specs[name] = fields[name]!.spec
  return specs
}
