import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** A figure as it is now; `labels` say whose. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A kind of figure: its name, as Prometheus wants it (one that only grows ends in `_total`), and what it means. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}

export interface Metrics {
  readonly contentType: string
  /** Everything in the text format of Prometheus. */
  text(): Promise<string>
}

/**
 * What `/metrics` shows (R-OPS-3): the process, and what `collect` finds when it is asked. A figure that can't be had is
 * left out; the rest is shown.
 */
export function createMetrics(
  metrics: readonly Metric[],
  collect: () => Promise<ReadonlyMap<string, readonly Sample[]>>,
): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const shown = metrics.map(({ name, help, labels }) => {
    const about = { name, help, labelNames: [...labels], registers: [registry] }
    return { name, metric: name.endsWith('_total') ? new Counter(about) : new Gauge(about) }
  })
  return {
    contentType: registry.contentType,
    async text() {
      const samples = await collect()
      for (const { name, metric } of shown) {
        metric.reset()
        for (const { labels, value } of samples.get(name) ?? []) metric.inc(labels, value)
      }
      return registry.metrics()
    },
  }
}
