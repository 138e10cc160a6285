export { usersContract } from './contract.ts'
export type { Flow } from './flows.ts'
export type { UsersOptions } from './options.ts'
