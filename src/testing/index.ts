export { type Clone, cloneOf, type Template, type TestServer, templateFor, testServer } from './database.ts'
export { type TestNats, testNats } from './nats.ts'
export { type TestRedis, testRedis } from './redis.ts'
export { type TestSystem, testSystem } from './system.ts'
