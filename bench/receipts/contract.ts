import { event, ownConsumer, resource, service, t } from '../../src/contract/index.ts'

export const Line = t.object({
  sku: t.text({ min: 1, max: 64 }),
  quantity: t.integer({ min: 1, max: 10_000 }),
  price: t.money({ max: 9_999_999.99 }),
})

/** What costs nothing but what every write costs: a body that is checked, one row, one event. */
export const Receipt = resource('receipt', {
  id: 'rct',
  fields: {
    customer: t.text({ min: 1, max: 100 }),
    lines: t.list(Line, { min: 1, max: 100 }),
    total: t.money(),
    currency: t.currency(),
  },
  access: { create: 'authenticated', get: 'authenticated' },
})

export const receipts = service('receipts', {
  resources: { receipts: Receipt },
  events: {
    'receipt.created': event({
      customer: t.text(),
      lines: t.list(Line),
      total: t.money(),
      currency: t.currency(),
    }),
  },
  consumers: {
    ledger: ownConsumer(['receipt.created'], { start: 'now', batch: 50 }),
  },
})
