/** Moments at which a process of the system may die, in the order of an event's way. */
const POINTS = [
  'before commit',
  'commit on its way',
  'after commit',
  'after the lease',
  'before publish',
  'after publish',
  'before moving on',
  'after moving on',
  'before storing',
  'before acknowledgement',
  'inside a handler',
  'before the commit of an effect',
  'after the commit of an effect',
] as const

export type Point = (typeof POINTS)[number]

/** Those of a relay, which there is only where a broker carries the events. */
const OF_RELAYS: ReadonlySet<Point> = new Set([
  'after the lease',
  'before publish',
  'after publish',
  'before moving on',
  'after moving on',
])

export function pointsOf(carrier: 'postgres' | 'nats', of: readonly Point[] = POINTS): readonly Point[] {
  return carrier === 'nats' ? of : of.filter((point) => !OF_RELAYS.has(point))
}

/** Environment of a process that dies when it comes to a point for the `nth` time; not armed: after a SIGUSR2. */
export const dieAt = (point: Point, { nth = 1, armed = true } = {}): Record<string, string> => ({
  DIE_AT: `${point}#${nth}`,
  DIE_ARMED: armed ? '1' : '0',
})

/** The last words of a process, followed by the point. */
export const DIED = 'died at the point: '
