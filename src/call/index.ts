export { type Backoff, fullJitterMs } from '../base/backoff.ts'
export { Problem } from '../base/errors.ts'
export { isProblem } from '../contract/problem.ts'
export type { Call, Context, Port, Reply } from './call.ts'
export { CallProblem } from './call-problem.ts'
export {
  type CallsOf,
  type Client,
  client,
  type ListQuery,
  type Page,
  type Pagination,
  type ResourceCalls,
} from './client.ts'
export { type GuardedPort, type GuardOptions, type GuardState, guard } from './guard.ts'
export { type HttpOptions, http } from './http.ts'
export { type InProcessOptions, inProcess } from './in-process.ts'
