import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The folder of a build's migrations: the test makes one for each build, of the files that it has. */
export function migrationsOf(service: string): URL {
  return pathToFileURL(`${join(process.env.BUILD_FOLDER!, service)}/`)
}
