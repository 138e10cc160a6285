import { test } from 'vitest'
import { neverAhead } from '../../test/given-numbers.ts'
import { serviceClone } from '../../test/service-clone.ts'

test('R-EVT-2: of ten million numbers, readers never see one that is not given yet, and never go back', async () => {
  const clone = await serviceClone('orders')
  try {
    await neverAhead(clone.url, 10_000_000)
  } finally {
    await clone.drop()
  }
}, 300_000)
