import { expect, test } from 'vitest'
import { OPERATIONS, SHOP } from '../bench/types-shop.ts'
import { compiled } from './compiled.ts'

/**
 * What the type checker does for a contract of 100 operations, its handlers and calls. The number is the same on every machine; what
 * it takes in seconds is printed. Whoever needs more raises the bound, and says why (`npm run bench:types` measures).
 */
const MOST = 140_000

test(`R-P-2: ${OPERATIONS} operations with handlers and calls cost the type checker no more than ${MOST} instantiations`, () => {
  const began = performance.now()
  const { said, instantiations } = compiled({ shop: SHOP }, 'bench')
  const seconds = (performance.now() - began) / 1000
  console.log(`types: ${instantiations} instantiations, ${seconds.toFixed(1)} s with the library's own`)
  expect(said.get('shop')).toEqual([])
  expect(instantiations).toBeLessThan(MOST)
}, 60_000)
