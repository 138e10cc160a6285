import { describe, expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import type { Contract } from '../../contract/contract.ts'
import { event } from '../../contract/event.ts'
import { t } from '../../contract/fields.ts'
import { service } from '../../contract/service.ts'
import { referencePages } from '../pages.ts'
import { overviewPage } from './overview-page.ts'

const about = { title: 'shop', systemVersion: '1.2.0' }
const of = (contracts: readonly Contract[], catchesMails = true) =>
  overviewPage(contracts, { ...about, catchesMails }).body
/** Without tags, one space for any other. */
const rowsOf = (body: string) =>
  [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    row!
      .replace(/<wbr>/g, '')
      .replace(/<[^>]+>|\s+/g, ' ')
      .replace(/ +/g, ' ')
      .trim(),
  )

describe('the overview of the reference system', () => {
  const body = of([users, orders])

  test('shows each route of each service with who may call it', () => {
    const rows = rowsOf(body)
    for (const row of ['GET /users/{id} owner, admin, service', 'POST /auth/login public', 'GET /products public'])
      expect(rows).toContain(row)
    expect(rows).toContain('GET /auth/revocations other services only')
    const served = [...users.served, ...orders.served]
    expect(rows.filter((row) => /^(GET|POST|PUT|PATCH|DELETE) /.test(row))).toHaveLength(served.length)
  })

  test('links each route to its place in the reference, which is there', () => {
    const reference = referencePages([users, orders], about)('/docs')!.body
    const links = [...body.matchAll(/href="docs#([^"]+)"/g)].map(([, id]) => id)
    expect(links.length).toBeGreaterThan(30)
    expect(links.filter((id) => !reference.includes(` id="${id}"`))).toEqual([])
  })

  test('shows each event with who publishes and who consumes it, and jobs with how often they run', () => {
    expect(rowsOf(body)).toEqual(
      expect.arrayContaining(['user.deleted users orders.buyers', 'order.paid orders nobody']),
    )
    expect(body).toContain('<code>tidyMails</code>, every 10 minutes')
  })
})

test('without events and caught mails it says so', () => {
  const body = of([service('empty', {})], false)
  expect(body).toContain('No service publishes any.')
  expect(body).toContain('None is caught here')
  expect(body).not.toContain('dev/mails')
})

test('an event that another service of the same name publishes is not taken for its own', () => {
  const changed = { 'note.created': event({ title: t.text() }) }
  expect(rowsOf(of([service('a', { events: changed }), service('b', { events: changed })]))).toEqual(
    expect.arrayContaining(['note.created a nobody', 'note.created b nobody']),
  )
})
