import { expect, test } from 'vitest'
import { joinMetrics } from './join-metrics.ts'

test('R-OPS-3: samples of several processes are one text, each with the label of its process and each kind said once', () => {
  const text = (count: number) =>
    `# HELP requests_total Requests\n# TYPE requests_total counter\nrequests_total{operation="a{b} c",status="200"} ${count}\n\n# HELP up Whether\n# TYPE up gauge\nup 1\n`
  expect(
    joinMetrics(
      new Map([
        ['1', text(3)],
        ['2', `${text(4)}# HELP lag Lag\n# TYPE lag gauge\n`],
      ]),
    ),
  ).toBe(`# HELP requests_total Requests
# TYPE requests_total counter
requests_total{worker="1",operation="a{b} c",status="200"} 3
requests_total{worker="2",operation="a{b} c",status="200"} 4
# HELP up Whether
# TYPE up gauge
up{worker="1"} 1
up{worker="2"} 1
# HELP lag Lag
# TYPE lag gauge
`)
})
