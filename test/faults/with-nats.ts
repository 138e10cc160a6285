import { test } from 'vitest'
import { testNats } from '../../src/testing/nats.ts'

/** A server is killed, so it is one of the test's own: NATS_URL does not do. With CI set, one that is missing is an error. */
const probe = await testNats()
await probe?.stop()

/** `test` where there is a nats-server on PATH; else it says by name what is left untested. */
export function natsTest(name: string, body: () => Promise<void>, timeoutMs: number): void {
  if (!probe) console.warn(`NOT TESTED, for there is no nats-server on PATH: ${name}`)
  test.skipIf(!probe)(name, body, timeoutMs)
}
