import { createRequire } from 'node:module'
import { Fault } from '../base/errors.ts'
import type { Log } from '../observe/log.ts'
import type { Tracer } from '../observe/span.ts'
import type { Settings } from './settings.ts'

/**
 * Opens what records traces; undefined where OTEL_* don't ask for any: then nothing of OpenTelemetry is loaded. `service` is
 * what this process is called there.
 *
 * Fault TRACING_NOT_INSTALLED where its packages are missing, which are optional peers of this one (decision 29).
 */
export async function openTracer(
  { tracing, env }: Settings,
  service: { readonly name: string; readonly version: string },
  log: Log,
): Promise<Tracer | undefined> {
  if (tracing === undefined) return undefined
  // The SDK reads the process's own variables: what `.env` or the caller of `start` says goes there too.
  for (const name in env) if (name.startsWith('OTEL_')) process.env[name] ??= env[name]
  try {
    const { createTracer } = await import('../observe/opentelemetry.ts')
    return await createTracer({ ...tracing, service, log })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Fault(
      'TRACING_NOT_INSTALLED',
      `OTEL_* ask for traces, and packages for them are missing: npm install ${packages()}; or set OTEL_SDK_DISABLED=true`,
      { cause: error },
    )
  }
}

function packages(): string {
  const { peerDependencies } = createRequire(import.meta.url)('lintel/package.json') as {
    peerDependencies: Record<string, string>
  }
  return Object.entries(peerDependencies)
    .filter(([name]) => name.startsWith('@opentelemetry/'))
    .map(([name, range]) => `${name}@${range}`)
    .join(' ')
}
