import { survives } from './kills.ts'
import { natsTest } from './with-nats.ts'

natsTest(
  'R-EVT-2, R-EVT-4: on NATS kill -9 at each named point, and of each server, loses and doubles nothing',
  () => survives('nats'),
  180_000,
)
