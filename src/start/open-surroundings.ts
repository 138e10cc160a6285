import type { Proofs } from '../call/proof.ts'
import type { FarService } from '../door/far-service.ts'
import type { Log } from '../observe/log.ts'
import type { Tracer } from '../observe/span.ts'
import { openFarServices } from './far-services.ts'
import { endInOrder } from './listening.ts'
import { openShared, type Shared } from './open-shared.ts'
import { openTracer } from './open-tracer.ts'
import type { Parts } from './parts.ts'
import type { Settings } from './settings.ts'
import type { System } from './system.ts'

/** What a process of a system uses and does not run itself. */
export interface Surroundings {
  readonly tracer: Tracer | undefined
  readonly shared: Shared | undefined
  readonly far: ReadonlyMap<string, FarService>
  /** Also hands on the spans that are left, within a tenth of SHUTDOWN_TIMEOUT. */
  close(): Promise<void>
}

/** Opens all of it, or none. */
export async function openSurroundings(
  system: System,
  parts: Parts,
  settings: Settings,
  { proofs, log, signal }: { proofs: Proofs | undefined; log: Log; signal: AbortSignal | undefined },
): Promise<Surroundings> {
  let tracer: Tracer | undefined
  let shared: Shared | undefined
  let far: ReadonlyMap<string, FarService> = new Map()
  const close = () =>
    endInOrder(log, [
      () => Promise.all([...far.values()].map((one) => one.close())),
      () => shared?.redis.close(),
      () => tracer?.close({ timeoutMs: settings.shutdownTimeoutMs / 10 }),
    ])
  try {
    tracer = await openTracer(settings, { name: nameOf(system, parts), version: system.version }, log)
    shared = await openShared(system.name, settings, { log, signal })
    far = await openFarServices(system, parts, settings, { proofs, log })
    return { tracer, shared, far, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What the process is called in traces: `lintel`, or `lintel-users` where it is a part. */
function nameOf({ name }: System, { whole, gateway, near }: Parts): string {
  if (whole) return name
  return [name, ...(gateway ? ['gateway'] : []), ...near.map(({ contract }) => contract.name)].join('-')
}
