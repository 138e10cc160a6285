import { setTimeout as wait } from 'node:timers/promises'
import { operation, service, t } from '../../src/contract/index.ts'

export const works = service('works', {
  operations: { work: operation({ method: 'GET', path: '/works', access: 'public', answer: { done: t.boolean() } }) },
})

/** When each place is free again. It works on while this process gets no CPU, as a database elsewhere would. */
const freeAtMs = Array<number>(10).fill(0)

/** 20 ms on a pool of ten: 500 a second. */
export async function work(): Promise<void> {
  const first = freeAtMs.indexOf(Math.min(...freeAtMs))
  const endMs = Math.max(freeAtMs[first]!, performance.now()) + 20
  freeAtMs[first] = endMs
  await wait(endMs - performance.now())
}
