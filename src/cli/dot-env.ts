import { existsSync } from 'node:fs'

/** In development, reads the settings of `.env`; it never overrides the environment. */
export function readDotEnv(): void {
  if (process.env.NODE_ENV !== 'production' && existsSync('.env')) process.loadEnvFile('.env')
}
