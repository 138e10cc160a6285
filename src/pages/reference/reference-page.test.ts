import { describe, expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import { openapi } from '../../contract/documents/openapi.ts'
import { route } from '../../contract/route.ts'
import { service } from '../../contract/service.ts'
import { referencePage } from './reference-page.ts'

const of = (contracts: Parameters<typeof openapi>[0], version?: number) =>
  referencePage(openapi(contracts, { title: 'shop', version: version ?? 1 }), { version, newest: 2 }).body
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, one]) => one!)

describe('the reference of the reference system', () => {
  const body = of([users, orders])

  test('shows every operation of the document, with who may call it and a form for it', () => {
    const { paths } = openapi([users, orders], { version: 1 })
    const wanted = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
    )
    const shown = [
      ...body.matchAll(
        /<details class="operation" id="([^"]+)">[\s\S]*?<form data-method="(\w+)" data-path="([^"]+)"/g,
      ),
    ].map(([, id, method, path]) => `${id} ${method} ${path}`)
    expect(shown.sort()).toEqual(wanted.sort())
    expect(wanted.length).toBeGreaterThan(30)
    expect(body).toContain('<span class="badge">owner | admin</span>')
  })

  test('has no id twice, no link to a place that is not there, and no field without a label', () => {
    const ids = all(body, / id="([^"]+)"/g)
    expect(ids.filter((id, i) => ids.indexOf(id) < i)).toEqual([])
    expect(all(body, / href="#([^"]+)"/g).filter((id) => !ids.includes(id))).toEqual([])
    const labelled = all(body, /<label for="([^"]+)"/g)
    const fields = all(body, /<(?:input|select|textarea) (?:type="\w+" )?id="([^"]+)"/g)
    expect(fields.filter((id) => !labelled.includes(id))).toEqual([])
    expect(fields.length).toBeGreaterThan(100)
  })

  test('loads what it needs from beside it, whatever stands before its path', () => {
    expect(all(body, /(?:src|href)="(?!#)([^"]+)"/g)).toEqual([
      'data:,',
      expect.stringMatching(/^\.\/_lintel\/page\.[0-9a-f]{10}\.css$/),
      expect.stringMatching(/^\.\/_lintel\/reference\.[0-9a-f]{10}\.js$/),
      './docs',
      './v1/docs',
      './v2/docs',
      'openapi.json',
      './asyncapi.json',
    ])
    expect(all(of([users, orders], 2), /(?:src|href)="(?!#)([^"]+)"/g)).toContain('../v1/docs')
  })

  test('signs in by the operation that takes an email and a password', () => {
    expect(body).toContain('<form id="sign-in-form" data-path="/auth/login">')
  })
})

test('where nothing asks for a token there is nothing to sign in to; without a login a token can be pasted', () => {
  const at = (access: string, credentials: 'bearer' | 'own') => {
    const time = route({ methods: ['GET'], path: '/time', access, credentials, answers: { 200: 'text/plain' } })
    return of([service('clock', { routes: { time } })])
  }
  expect(at('public', 'own')).not.toContain('id="sign-in"')
  expect(at('authenticated', 'bearer')).toContain('id="sign-in-token"')
  expect(at('authenticated', 'bearer')).not.toContain('id="sign-in-form"')
})

test('a body that is no text is a file to choose', () => {
  const upload = route({
    methods: ['PUT'],
    path: '/picture',
    access: 'public',
    body: { types: ['image/png', 'image/jpeg'] },
    answers: { 204: null },
  })
  expect(of([service('pictures', { routes: { upload } })])).toMatch(/<input type="file" id="[^"]+" data-in="body">/)
})
