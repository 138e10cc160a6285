import { Fault } from '../base/errors.ts'
import { withOwnEvents } from './consumer.ts'
import type {
  AnyContract,
  Buckets,
  Consumers,
  Contract,
  Events,
  Jobs,
  Operations,
  Problems,
  Resources,
  Routes,
  Settings,
} from './contract.ts'
import { factsOf } from './facts.ts'
import { checkObject, type KnownMembers, onlyKnown } from './known-members.ts'
import { checkBucketMembers } from './limits.ts'
import { type DeclaredProblems, declared, PROBLEMS, type SystemProblem, type UsualProblem } from './problem.ts'
import { routeOperations } from './route.ts'
import { brokenRules } from './rules.ts'
import { customOperation, operationsOf } from './served-operations.ts'
import type { OlderVersion } from './versions.ts'

export interface ServiceOptions<R, O, E, C, P, B, J, T, S> {
  readonly resources?: R
  readonly operations?: O
  /** What no operation can say, by the name that its handler has. */
  readonly routes?: T
  readonly events?: E
  /** What it consumes, by the name that its handlers have. */
  readonly consumers?: C
  /** What it does later, and of its own accord, by the name that its handler has: `unit.enqueue('sendReport', { month })`. */
  readonly jobs?: J
  /**
   * What the operator says of it, by the name in the environment, of which `NAME_FILE` may name a file: checked at the start, and in handlers
   * `unit.settings.ORDERS_FOOTER`. One that is neither optional nor has a default must be set; one that is `hidden()` is never shown.
   */
  readonly settings?: S
  /** Token buckets that its handlers take from, by name: `unit.limit('account', id)`. */
  readonly buckets?: B
  /** Problems of its own, beside those that every system knows. */
  readonly problems?: P
  /** The newest version; 1 by default. */
  readonly latest?: number
  /** What older versions look like, by their number. */
  readonly older?: Readonly<Record<number, OlderVersion>>
  readonly description?: string
}

/** The codes that a service may answer with of its own accord: `OUT_OF_STOCK`, `CONFLICT`. */
export type ProblemOf<C> =
  C extends Pick<AnyContract, 'problems'>
    ? Exclude<keyof C['problems'] & string, Exclude<SystemProblem, UsualProblem>>
    : never

const OPTIONS: KnownMembers<ServiceOptions<any, any, any, any, any, any, any, any, any>> = {
  resources: true,
  operations: true,
  routes: true,
  events: true,
  consumers: true,
  jobs: true,
  settings: true,
  problems: true,
  buckets: true,
  latest: true,
  older: true,
  description: true,
}
const OLDER: KnownMembers<OlderVersion> = { deprecated: true, sunset: true, shapes: true }

/**
 * Defines a service's contract. A contract that breaks a rule is refused with a Fault `INVALID_CONTRACT` that lists
 * every violation with the rule's id and a hint (R-P-6).
 */
export function service<
  R extends Resources = {},
  O extends Operations = {},
  E extends Events = {},
  C extends Consumers<E> = {},
  P extends Problems = {},
  B extends Buckets = {},
  J extends Jobs = {},
  T extends Routes = {},
  S extends Settings = {},
>(name: string, options: ServiceOptions<R, O, E, C, P, B, J, T, S>): Contract<R, O, E, C, P, B, J, T, S> {
  checkObject(`service "${name}"`, 'options', options)
  onlyKnown(`service "${name}"`, options, OPTIONS)
  for (const [version, shown] of Object.entries(options.older ?? {}))
    onlyKnown(`service "${name}": older.${version}`, shown, OLDER)
  checkBucketMembers(`service "${name}"`, options.buckets ?? {})
  const resources = options.resources ?? ({} as R)
  const operations = options.operations ?? ({} as O)
  const routes = options.routes ?? ({} as T)
  const { latest = 1 } = options
  const versions = {
    latest,
    older: options.older ?? {},
    problems: { ...PROBLEMS, ...declared(options.problems ?? {}) } as DeclaredProblems<P>,
  }
  const described = [
    ...Object.entries(resources).flatMap(([key, resource]) => operationsOf(name, key, resource)),
    ...Object.entries(operations).map(([key, spec]) => customOperation(name, key, spec, resources)),
    ...Object.entries(routes).flatMap(([key, spec]) => routeOperations(name, key, spec)),
  ]
  const contract: Contract<R, O, E, C, P, B, J, T, S> = {
    ...versions,
    name,
    resources,
    operations,
    routes,
    events: options.events ?? ({} as E),
    consumers: withOwnEvents(options.consumers ?? ({} as C), { name, events: options.events ?? {} }),
    buckets: options.buckets ?? ({} as B),
    jobs: options.jobs ?? ({} as J),
    settings: options.settings ?? ({} as S),
    served: described.map((operation) => ({ ...operation, facts: factsOf(operation, versions) })),
    description: options.description,
  }
  const broken = brokenRules(contract, options.problems ?? {})
  if (broken.length > 0)
    throw new Fault(
      'INVALID_CONTRACT',
      `The contract "${name}" breaks ${broken.length === 1 ? 'a rule' : `${broken.length} rules`}:\n${broken
        .map((violation) => `  ${violation.rule} ${violation.where}: ${violation.message}. ${violation.hint}`)
        .join('\n')}`,
    )
  return contract
}
