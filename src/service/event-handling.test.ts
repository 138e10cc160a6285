import { expect, test } from 'vitest'
import orders from '../../services/orders/service.ts'
import type { Environment } from './environment.ts'
import { eventHandling } from './event-handling.ts'

test('where no mail can go out, the events of consumers that send mail wait, and no others', () => {
  const publicUrl = 'https://example.com'
  expect([...eventHandling(orders, { mail: undefined, publicUrl }).waiting]).toEqual(['confirmations'])
  const mail = {} as NonNullable<Environment['mail']>
  expect([...eventHandling(orders, { mail, publicUrl }).waiting]).toEqual([])
})
