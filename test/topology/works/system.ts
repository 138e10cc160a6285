import { setTimeout as wait } from 'node:timers/promises'
import { operation, service, t } from '../../../src/contract/index.ts'
import { implement } from '../../../src/service/implement.ts'
import { system } from '../../../src/start/define-system.ts'

/** Five at once in each process, 100 ms each: 50 a second. */
const PLACES = 5
const WORK_MS = 100

const contract = service('works', {
  operations: {
    work: operation({ method: 'GET', path: '/works', access: 'public', answer: { done: t.boolean() } }),
    other: operation({ method: 'GET', path: '/others', access: 'public', answer: { done: t.boolean() } }),
  },
})

/** When each place is free again. It works on while this process gets no CPU, as a database elsewhere would. */
const freeAtMs = Array<number>(PLACES).fill(0)

/** A service whose capacity is known, and no matter of the CPU. */
export default system({
  name: 'works',
  services: [
    implement(
      contract,
      {
        async work() {
          const first = freeAtMs.indexOf(Math.min(...freeAtMs))
          const endMs = Math.max(freeAtMs[first]!, performance.now()) + WORK_MS
          freeAtMs[first] = endMs
          await wait(endMs - performance.now())
          return { done: true }
        },
        other: async () => ({ done: true }),
      },
      { migrations: new URL('./migrations/', import.meta.url) },
    ),
  ],
})
