import { expect, test } from 'vitest'
import { reference } from './reference.ts'

// What a browser is given by the gateway itself; what it makes of it is for the slow tests.

const api = reference()
const BROWSER = { headers: { 'accept-encoding': 'gzip, deflate, br, zstd', 'sec-fetch-user': '?1' } }
const loaded = (body: string) => [...body.matchAll(/(?:src|href)="([^"#]*_lintel[^"]*)"/g)].map(([, path]) => path!)

test.each(['/', '/dev', '/docs', '/v1/docs', '/api/v2/docs'])(
  '%s loads what is there, kept for a year, and nothing else',
  async (path) => {
    const { status, headers, body } = await api.ask('GET', path, BROWSER)
    expect([status, headers.get('content-type'), headers.get('content-encoding')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'br',
    ])
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; .*require-trusted-types-for 'script'/,
    )
    expect(body).not.toMatch(/<style| style=|<script>| on[a-z]+="|(?:src|href)="(?:https?:)?\/\//)
    expect(loaded(body)).toHaveLength(2)
    for (const one of loaded(body)) {
      const { pathname } = new URL(one, api.url + path)
      const asset = await api.ask('GET', pathname, BROWSER)
      expect([pathname, asset.status, asset.headers.get('content-encoding')]).toEqual([pathname, 200, 'br'])
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    }
  },
)

test('a version that is not there has no reference, and of assets only the newest are there', async () => {
  expect((await api.ask('GET', '/v9/docs')).body.error.code).toBe('UNSUPPORTED_VERSION')
  expect((await api.ask('GET', '/_lintel/page.0000000000.css')).status).toBe(404)
})

test('/dev/events has the last events of all services, newest first', async () => {
  const { id } = await api.product()
  const { id: user } = await api.user()
  const { body } = await api.ask('GET', '/dev/events')
  const seen = body.map((event: any) => [event.service, event.type, event.aggregateId, event.actor])
  expect(seen.indexOf(seen.find(([, type]: string[]) => type === 'user.created'))).toBeLessThan(
    seen.findIndex(([, type]: string[]) => type === 'product.created'),
  )
  expect(seen).toContainEqual(['orders', 'product.created', id, `user:${api.admin.id}`])
  expect(seen).toContainEqual(expect.arrayContaining(['users', 'user.created', user]))
  expect(body[0].id).toMatch(/^evt_/)
})
