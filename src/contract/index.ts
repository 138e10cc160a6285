export { type Access, parseAccess } from './access.ts'
export { type ConsumerSpec, consumer, ownConsumer } from './consumer.ts'
export type { AnyContract, Contract } from './contract.ts'
export { type EventData, type EventOptions, type EventSpec, event } from './event.ts'
export {
  type CheckedInput,
  type Field,
  type FieldSpec,
  type Fields,
  type InputOf,
  type Patch,
  type Shown,
  type TypeOf,
  t,
} from './fields.ts'
export { type JobData, type JobOptions, type JobSpec, job } from './job.ts'
export type { BucketSpec, Limit } from './limits.ts'
export { type Operation, type OperationSpec, operation } from './operation.ts'
export { type DeclaredProblem, PROBLEMS, type ProblemSpec, problem, type SystemProblem } from './problem.ts'
export {
  type AnyResource,
  type CreateBody,
  type CreateInput,
  type IdOf,
  type ReplaceBody,
  type Resource,
  resource,
  type ShownOf,
  type UpdateBody,
  type UpdateInput,
  type ValuesOf,
  type Verb,
} from './resource.ts'
export { type RouteOptions, type RouteSpec, route } from './route.ts'
export type { RouteBody } from './served-route.ts'
export { type ProblemOf, service } from './service.ts'
export { type IssuerOptions, issuerOperations, type TokenIssuer, tokenIssuer } from './token-issuer.ts'
export { type OlderShape, type OlderVersion, olderShape } from './versions.ts'
