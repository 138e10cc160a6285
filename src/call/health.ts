/** How well a service can do its work. */
export interface ServiceHealth {
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
  readonly checks: Readonly<Record<string, HealthCheck>>
}

/** One thing that a service needs. Further figures, such as a queue's lag, are the check's own. */
export interface HealthCheck {
  readonly status: 'up' | 'down'
  /** Milliseconds. */
  readonly latency?: number
  readonly message?: string
  /** Of an upstream that is somewhere else: whether requests are let through to it. */
  readonly breaker?: 'closed' | 'open' | 'half-open'
  readonly [figure: string]: string | number | undefined
}
