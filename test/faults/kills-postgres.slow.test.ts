import { test } from 'vitest'
import { survives } from './kills.ts'

test('R-EVT-2: on PostgreSQL kill -9 at each named point, and of the server, loses and doubles nothing', async () => {
  await survives('postgres')
}, 180_000)
