import { expect, test } from 'vitest'
import { createRequestCounts } from './request-counts.ts'

test('R-OPS-3: requests by operation and status, their durations in buckets, and refusals of limits', () => {
  const counts = createRequestCounts()
  counts.add('orders.orders.get', 200, 5)
  counts.add('orders.orders.get', 200, 5.1)
  counts.add('orders.orders.get', 429, 20_000)
  counts.add(undefined, 404, 1)
  const text = counts.text()
  expect(text).toContain('lintel_http_requests_total{operation="orders.orders.get",status="200"} 2\n')
  expect(text).toContain('lintel_http_requests_total{operation="none",status="404"} 1\n')
  const bucket = (le: string) => `lintel_http_request_duration_seconds_bucket{operation="orders.orders.get",le="${le}"}`
  for (const [le, count] of [
    ['0.005', 1],
    ['0.01', 2],
    ['10', 2],
    ['+Inf', 3],
  ])
    expect(text).toContain(`${bucket(String(le))} ${count}\n`)
  expect(text).toContain('lintel_rate_limit_refusals_total{operation="orders.orders.get"} 1\n')
})

test('R-OPS-3: a name from a foreign description cannot break the format', () => {
  const counts = createRequestCounts()
  counts.add('a"b\\c\nd', 200, 1)
  expect(counts.text()).toContain('{operation="a\\"b\\\\c\\nd",status="200"} 1\n')
})
