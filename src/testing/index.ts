export { type Clone, cloneOf, type Template, type TestServer, templateFor, testServer } from './database.ts'
export { type TestSystem, testSystem } from './system.ts'
