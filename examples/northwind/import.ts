import { existsSync } from 'node:fs'
import { ImportError } from './import-error.ts'
import { importNorthwind } from './import-northwind.ts'

if (process.env.NODE_ENV !== 'production' && existsSync('.env')) process.loadEnvFile('.env')

const stop = new AbortController()
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => {
    // The first asks, the second insists.
    if (stop.signal.aborted) process.exit(exitCode)
    stop.abort(new ImportError('Stopped. Run it again to go on: it adds what is missing.', exitCode))
  })

process.exitCode = await importNorthwind({
  args: process.argv.slice(2),
  env: process.env,
  stop: stop.signal,
  out: process.stdout,
  err: process.stderr,
})
