import { existsSync } from 'node:fs'
import { ImportError } from './import-error.ts'
import { importNorthwind } from './import-northwind.ts'

// As `npm start` does: development, unless NODE_ENV says something else.
if ((process.env.NODE_ENV || 'development') === 'development' && existsSync('.env')) process.loadEnvFile('.env')

/** Ctrl-C reaches this process twice under `npm run`: from the terminal, and once more from npm. */
const ONE_SIGNAL_MS = 1_000

const stop = new AbortController()
let stoppedAtMs = Number.NEGATIVE_INFINITY
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => {
    // The first asks, a later one insists.
    if (stop.signal.aborted && performance.now() - stoppedAtMs > ONE_SIGNAL_MS) process.exit(exitCode)
    if (!stop.signal.aborted) stoppedAtMs = performance.now()
    stop.abort(new ImportError('Stopped. Run it again to go on: it adds what is missing.', exitCode))
  })

process.exitCode = await importNorthwind({
  args: process.argv.slice(2),
  env: process.env,
  stop: stop.signal,
  out: process.stdout,
  err: process.stderr,
})
