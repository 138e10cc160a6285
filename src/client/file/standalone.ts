/** What the file that `lintel client` writes has of the client: these, and what they need. */
export type * from '../call-args.ts'
export { CallProblem } from '../call-problem.ts'
export type { ClientOptions } from '../client-options.ts'
export { connect, type Table } from '../connect.ts'
export type { Page, Pagination, Rows } from '../page.ts'
export type { TokenStore, Tokens } from '../session.ts'
