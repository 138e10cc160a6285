import { expect, test } from 'vitest'
import { NOT_COMPARED, record, reportOf } from './compare.ts'
import { SCRIPT } from './script.ts'
import { inOneProcess, inProcesses } from './topologies.ts'

const one = inOneProcess().then((topology) => record(SCRIPT, topology))

test.each([['http'], ['grpc']] as const)(
  'R-P-3 R-CALL-1: one process, and two replicas of each part over %s with NATS and Redis, give equal answers and events',
  {
    timeout: 240_000,
  },
  async (transport) => {
    const recorded = await one
    expect(recorded.length).toBeGreaterThan(400)
    const many = await inProcesses({ users: 2, orders: 2, gateway: 2 }, { LINTEL_CALL_TRANSPORT: transport })
    if (many === undefined) return console.warn(NOT_COMPARED)
    const report = reportOf(recorded, await record(SCRIPT, many), ['one process', `processes over ${transport}`])
    expect(report === '', report).toBe(true)
  },
)
