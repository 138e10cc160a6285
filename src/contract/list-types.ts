import type { Field, Fields } from './fields.ts'
import type { ListOptions } from './resource.ts'

/*
 * What `filterParameters` and `readSort` of list-query.ts take of a list, in types.
 */

/** What else a list of these fields takes, with these options: `sort`, filters by their names, and `q` where it searches. */
export type ListParameters<F extends Fields, L extends ListOptions> = Sorting<L> &
  Filtering<F & BuiltIn, FiltersOf<L>> &
  Searching<L>

/** The calls that lists have in a client. */
export type ListCalls<V, L extends ListOptions> =
  | ('list' extends V ? 'list' | 'each' : never)
  | (L extends { readonly root: true } ? 'listAll' | 'eachAll' : never)

interface BuiltIn {
  readonly id: Field<string, 'plain'>
  readonly version: Field<number, 'plain'>
  readonly createdAt: Field<string, 'time'>
  readonly updatedAt: Field<string, 'time'>
}

interface Sorting<L> {
  /** `-createdAt`, or several: `['-total', 'createdAt']`. */
  readonly sort?: SortsOf<L> | readonly SortsOf<L>[] | undefined
}

type SortsOf<L> = L extends { readonly sort: readonly (infer S extends string)[] } ? S | `-${S}` : never

type Searching<L> = L extends { readonly search: readonly [string, ...string[]] }
  ? { readonly q?: string | undefined }
  : unknown

/** Each as the name of its parameter and that of its field. */
type FiltersOf<L> = L extends { readonly filter: readonly (infer E)[] }
  ? E extends string
    ? readonly [E, E]
    : { [N in keyof E]: readonly [N, E[N]] }[keyof E]
  : never

type Filtering<F, E extends readonly [unknown, unknown]> = {
  /** Several values are alternatives. */
  readonly [X in E as Equal<X[0], FieldOf<F, X>>]?:
    | ValueOf<FieldOf<F, X>>
    | readonly ValueOf<FieldOf<F, X>>[]
    | undefined
} & {
  readonly [X in E as After<X[0], FieldOf<F, X>>]?: string | Date | undefined
} & {
  readonly [X in E as Bounds<X[0], FieldOf<F, X>>]?: number | undefined
} & {
  readonly [X in E as Exists<X[0], FieldOf<F, X>>]?: boolean | undefined
}

type FieldOf<F, X extends readonly [unknown, unknown]> = F[X[1] & keyof F]

type Equal<N, Q> = Q extends Field<any, infer M> ? ('amount' extends M ? never : N & string) : never
type After<N, Q> =
  Q extends Field<any, infer M>
    ? 'time' extends M
      ? `${N extends `${infer B}At` ? B : N & string}${'After' | 'Before'}`
      : never
    : never
type Bounds<N, Q> = Q extends Field<number | null, any> ? `${N & string}${'Min' | 'Max'}` : never
type Exists<N, Q> = Q extends Field<infer T, any> ? (null extends T ? `${N & string}Exists` : never) : never

type ValueOf<Q> =
  Q extends Field<infer T, infer M>
    ? NonNullable<T> extends readonly (infer One)[]
      ? One
      : 'time' extends M
        ? string | Date
        : Exclude<T, null>
    : never
