import { getEventListeners } from 'node:events'
import { onTestFinished, vi } from 'vitest'

/**
 * Whether signals that live on gather something with each use (FC-75): listeners, or what AbortSignal.any leaves in them on
 * Node 20. Watches until the test ends.
 */
export function heardSignals() {
  const seen = new Set<EventTarget>()
  const any = vi.spyOn(AbortSignal, 'any')
  const { addEventListener } = EventTarget.prototype
  const add = vi.spyOn(EventTarget.prototype, 'addEventListener').mockImplementation(function (
    this: EventTarget,
    ...given
  ) {
    if (given[0] === 'abort') seen.add(this)
    return addEventListener.apply(this, given)
  })
  onTestFinished(() => {
    any.mockRestore()
    add.mockRestore()
  })
  return {
    /** How many signals have been listened to. */
    get count() {
      return seen.size
    },
    /** The most listeners that one of them has now. */
    get most() {
      return Math.max(0, ...[...seen].map((one) => getEventListeners(one, 'abort').length))
    },
    /** How often a signal was made that depends on others without a listener. */
    get joined() {
      return any.mock.calls.length
    },
  }
}
