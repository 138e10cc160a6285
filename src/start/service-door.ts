import type { ServiceHealth } from '../call/health.ts'
import type { Proofs } from '../call/proof.ts'
import type { Behind } from '../door/arrivals.ts'
import { createDoor, type Door } from '../door/door.ts'
import type { Carrier } from '../events/carrier.ts'
import { isReadOfEvents } from '../events/read-events.ts'
import type { Log } from '../observe/log.ts'
import type { RequestCounts } from '../observe/request-counts.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import { type GrpcAtDoor, grpcAtDoor } from './grpc-at-door.ts'
import type { Shared } from './open-shared.ts'
import type { RunningService } from './run-service.ts'
import type { RunningServices } from './run-services.ts'
import { type SharedParts, sharedHealth } from './shared-health.ts'
import type { System } from './system.ts'
import type { Worker } from './workers/worker.ts'

export interface DoorParts {
  readonly production: boolean
  readonly proofs: Proofs
  readonly carrier: Carrier | undefined
  readonly shared: Shared | undefined
  readonly worker: Worker | undefined
  readonly counts: RequestCounts
  readonly security: SecurityLog
  readonly log: Log
}

/** One port, and what is spoken there. */
export interface ServiceDoor {
  readonly http: Door
  readonly grpc: GrpcAtDoor
}

/** The door of the services that run in this process, for those that run elsewhere. */
export function serviceDoor(
  { name: system }: System,
  { byName }: RunningServices,
  { production, proofs, carrier, shared, worker, counts, security, log }: DoorParts,
): ServiceDoor {
  const served = [...byName.values()].map((running) => ({
    service: running.service,
    behind: behindDoor(running, { carrier, shared, worker }),
  }))
  const services = served.map(({ behind }) => behind)
  const http = createDoor({ system, services, proofs, log, security, observe: countedBy(counts) })
  const { takeFramed } = http
  return { http, grpc: grpcAtDoor(served, { system, takeFramed, proofs, production, counts, security, log }) }
}

/** Readers of events wait for them, which says nothing of how quick a service is. */
function countedBy({ add }: RequestCounts): RequestCounts['add'] {
  return (operation, status, ms) => {
    if (operation === undefined || !isReadOfEvents(operation)) add(operation, status, ms)
  }
}

/** How its events are doing, and what it shares, is part of a service's health where nobody else in the process tells. */
export function behindDoor(
  running: RunningService,
  { carrier, shared, worker }: Omit<SharedParts, 'services'>,
): Behind {
  const { name, port, service } = running
  const sharing = sharedHealth({ carrier, services: [running], shared, worker })
  return {
    name,
    port,
    contract: service.contract,
    async health(): Promise<ServiceHealth> {
      const [own, others] = await Promise.all([running.health(), sharing()])
      const status = own.status === 'healthy' ? others.status : own.status
      return { status, checks: { ...own.checks, ...others.checks } }
    },
  }
}
