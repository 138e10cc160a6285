export { Fault, Problem } from './base/errors.ts'
export { type Running, start } from './start/start.ts'
export { type System, system } from './start/system.ts'
