export type { Document, Documents } from './built-ins.ts'
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'
export type { SystemHealth } from './health.ts'
export type { Mounted } from './router.ts'
