import type { HealthCheck, ServiceHealth } from '../call/health.ts'
import { boundedCheck, CHECK_MS, NoAnswer } from '../resilience/bounded-check.ts'

export interface SystemHealth {
  readonly status: ServiceHealth['status']
  readonly version: string
  /** When it was looked at; RFC 3339. */
  readonly timestamp: string
  readonly checks: ServiceHealth['checks']
}

export interface HealthOptions {
  /** Of the system. */
  readonly version: string
  readonly services: readonly { readonly name: string; health(): Promise<ServiceHealth> }[]
  /** What belongs to no service, such as the store of the rate limits. */
  readonly own?: (() => Promise<ServiceHealth>) | undefined
  /** After so long a service counts as down; 1,200. */
  readonly timeoutMs?: number
  /** For so long an outcome is kept, so that a storm of probes costs one look; 1,000. */
  readonly keepMs?: number
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
  /** For the timestamp. */
  readonly date?: () => Date
}

/**
 * The health of the whole system (R-OPS-1): every check of every service, and one entry per service by its name. It is
 * unhealthy if every service is unhealthy, and degraded if any check fails.
 */
export function createHealth(options: HealthOptions): () => Promise<SystemHealth> {
  const { version, services, own, timeoutMs = CHECK_MS.service, keepMs = 1_000 } = options
  const { now = () => performance.now(), date = () => new Date() } = options
  const looks = services.map((service) => createLook(() => service.health(), { name: service.name, timeoutMs, now }))
  const ownLook = own && createLook(own, { name: 'gateway', timeoutMs, now })
  let kept: { health: Promise<SystemHealth>; untilMs: number } | undefined

  async function look(): Promise<SystemHealth> {
    const ofServices = await Promise.all(looks.map((one) => one()))
    const all = ownLook ? [...ofServices, await ownLook()] : ofServices
    const checks: Record<string, HealthCheck> = {}
    for (const seen of all) merge(checks, seen)
    // A service's own entry goes before a check that happens to have its name.
    for (const seen of ofServices) checks[seen.name] = summary(seen)
    // A door without services, such as that of the operators, has nothing but what it is told.
    const useless =
      (ofServices.length > 0 ? ofServices : all).every((seen) => seen.status === 'unhealthy') && all.length > 0
    const sound = all.every((seen) => seen.status === 'healthy')
    const status = useless ? 'unhealthy' : sound ? 'healthy' : 'degraded'
    return { status, version, timestamp: date().toISOString(), checks }
  }

  return () => {
    if (kept === undefined || now() >= kept.untilMs) kept = { health: look(), untilMs: now() + keepMs }
    return kept.health
  }
}

/** What came of looking at one service. */
interface Seen extends ServiceHealth {
  readonly name: string
  readonly latency: number
  /** Why there are no checks. */
  readonly failure?: string
}

interface LookOptions {
  name: string
  timeoutMs: number
  now: () => number
}

/** Looks once; never rejects, and never takes longer than the timeout. A look that hangs is not begun a second time. */
function createLook(health: () => Promise<ServiceHealth>, { name, timeoutMs, now }: LookOptions): () => Promise<Seen> {
  const check = boundedCheck(timeoutMs, health)
  return async () => {
    const begin = now()
    const latency = () => Math.max(0, Math.round(now() - begin))
    try {
      const { status, checks } = await check()
      return { name, latency: latency(), status, checks }
    } catch (error) {
      // The reason of a failure stays inside: health is public, and an error's text may name hosts.
      const failure = error instanceof NoAnswer ? error.message : 'the check failed'
      return { name, latency: latency(), status: 'unhealthy', checks: {}, failure }
    }
  }
}

/** Two services may each have a database: their checks share a name, and the worse one speaks, saying whose it is. */
function merge(into: Record<string, HealthCheck>, { name: service, checks }: Seen): void {
  for (const [name, check] of Object.entries(checks)) {
    const told = check.status === 'up' ? check : { ...check, message: `${service}: ${check.message ?? 'down'}` }
    const other = into[name]
    if (other === undefined || worse(told, other)) into[name] = told
  }
}

function worse(check: HealthCheck, than: HealthCheck): boolean {
  if (check.status !== than.status) return check.status === 'down'
  return (check.latency ?? 0) > (than.latency ?? 0)
}

/** A service that says more of itself than its checks do says so under its own name. */
function summary({ name, status, latency, failure, checks }: Seen): HealthCheck {
  if (failure !== undefined) return { status: 'down', latency, message: failure }
  const { breaker, message = status === 'degraded' ? 'degraded' : undefined } = checks[name] ?? {}
  return {
    status: status === 'unhealthy' ? 'down' : 'up',
    latency,
    ...(message !== undefined && { message }),
    ...(breaker !== undefined && { breaker }),
  }
}
