import type { ConsumerSpec } from './consumer.ts'
import type { EventSpec } from './event.ts'
import type { AnyField } from './fields.ts'
import type { JobSpec } from './job.ts'
import type { BucketSpec } from './limits.ts'
import type { Operation, OperationSpec } from './operation.ts'
import type { DeclaredProblems, ProblemSpec } from './problem.ts'
import type { AnyResource } from './resource.ts'
import type { RouteSpec } from './route.ts'
import type { OlderVersion } from './versions.ts'

export type Resources = Readonly<Record<string, AnyResource>>
export type Operations = Readonly<Record<string, OperationSpec>>
export type Routes = Readonly<Record<string, RouteSpec>>
export type Events = Readonly<Record<string, EventSpec<any, any>>>
/** What is consumed; of the service's own events those of `E`. */
export type Consumers<E extends Events = any> = Readonly<Record<string, ConsumerSpec<any, keyof E & string>>>
export type Jobs = Readonly<Record<string, JobSpec<any>>>
export type Problems = Readonly<Record<string, ProblemSpec>>
/** By their names in the environment. */
export type Settings = Readonly<Record<string, AnyField>>
export type Buckets = Readonly<Record<string, BucketSpec>>

/** What a service promises: data, to be read by a server, a client, a linter or a browser. */
export interface Contract<
  R extends Resources = Resources,
  O extends Operations = Operations,
  E extends Events = Events,
  C extends Consumers = Consumers,
  P extends Problems = Problems,
  B extends Buckets = Buckets,
  J extends Jobs = Jobs,
  T extends Routes = Routes,
  S extends Settings = Settings,
> {
  readonly name: string
  readonly resources: R
  readonly operations: O
  readonly routes: T
  readonly events: E
  readonly consumers: C
  readonly buckets: B
  readonly jobs: J
  readonly settings: S
  /** Its own and those of every system, as values: `throw new Problem(orders.problems.OUT_OF_STOCK)`. */
  readonly problems: DeclaredProblems<P>
  readonly latest: number
  readonly older: Readonly<Record<number, OlderVersion>>
  /** Everything that is served, resolved. */
  readonly served: readonly Operation[]
  readonly description: string | undefined
}

/** Whatever contract: `function describe(contract: AnyContract)`. */
export type AnyContract = Contract<any, any, any, any, any, any, any, any, any>
