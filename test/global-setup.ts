import type { TestProject } from 'vitest/node'
import { testServer } from '../src/testing/database.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the run's PostgreSQL server, for `templateFor` and `cloneOf`. */
    databaseServer: string
  }
}

/** One server for all test files of a run: `inject('databaseServer')`. */
export default async function startDatabaseServer(project: TestProject) {
  const server = await testServer()
  project.provide('databaseServer', server.url)
  return () => server.stop()
}
