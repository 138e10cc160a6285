import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { SHARED_METRICS } from '../src/start/shared-metrics.ts'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}

const file = new URL('../deploy/prometheus/alerts.yaml', import.meta.url)
const { groups } = parse(readFileSync(file, 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)

let running: TestSystem
beforeAll(async () => {
  running = await testSystem(system, inject('databaseServer'))
})
afterAll(() => running.stop())

test('R-OPS-3: the alerts of deploy/prometheus ask for metrics that /metrics has', async () => {
  await (await fetch(`${running.url}/products`)).arrayBuffer()
  const text = await (await fetch(`${running.url}/metrics`)).text()
  const known = new Set([
    ...[...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name!],
    ),
    // These are there with REDIS_URL.
    ...SHARED_METRICS.map(({ name }) => name),
  ])
  for (const { alert, expr } of rules) {
    const metrics = expr.match(/lintel_\w+/g) ?? []
    expect(metrics, alert).not.toEqual([])
    for (const name of metrics) expect([...known], alert).toContain(name)
  }
})

test('every alert says how urgent it is, and what is wrong', () => {
  for (const { alert, labels, annotations } of rules) {
    expect(alert).toMatch(/^Lintel[A-Z]\w+$/)
    expect(['page', 'ticket'], alert).toContain(labels.severity)
    expect(annotations.summary, alert).not.toBe('')
  }
})
