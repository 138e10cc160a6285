export { Fault, Problem } from './base/errors.ts'
export { system } from './start/define-system.ts'
export { type Running, start } from './start/start.ts'
export type { System } from './start/system.ts'
