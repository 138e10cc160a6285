export { type Caller, hasRole } from '../auth/caller.ts'
export { type Backoff, backoffMs } from '../base/backoff.ts'
export { readEmail } from '../base/email.ts'
export { Fault, invalid } from '../base/errors.ts'
export { decodeId, encodeId, type Id, newId } from '../base/ids.ts'
export { isProblem } from '../contract/is-problem.ts'
export { type Row, type RowOf, readRow } from '../data/row.ts'
export { conflictOf, type ExpectedVersion } from '../data/rows.ts'
export { networkOf } from '../limits/client-address.ts'
export { type Mail, type MailCarrier, MailRefused } from '../mail/mail.ts'
export type { Command, CommandInput } from './command.ts'
export type {
  ConsumerHandlers,
  ConsumerUnit,
  EnqueueOptions,
  Event,
  EventHandler,
  EventHandlerOf,
  Handler,
  HandlerOf,
  Handlers,
  Job,
  JobHandler,
  JobUnit,
  OperationHandler,
  RouteHandler,
  RouteUnit,
  Tx,
  Unit,
} from './handler.ts'
export type { HandlerInput, ReadInput } from './handler-input.ts'
export { implement, type Knows, type Service } from './implement.ts'
export { Problem } from './problem.ts'
export { readObject } from './read-object.ts'
export type { RouteAnswer } from './route-answer.ts'
export type { RouteRequest, StreamedRequest, WholeRequest } from './route-request.ts'
export { change, changeEach, find, findBy, idOf, insert, read, readField, remove, touch, uuidOf } from './rows.ts'
