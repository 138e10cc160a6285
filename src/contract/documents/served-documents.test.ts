import { describe, expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import type { Contract } from '../contract.ts'
import { documentsOf } from './served-documents.ts'

const REFERENCE: Contract[] = [users, orders]

describe('documentsOf', () => {
  const read = (path: string) =>
    JSON.parse(documentsOf(REFERENCE, { title: 'Shop', systemVersion: '1.4.0' })(path)!.body)

  test('R-VER-1: /openapi.json is version 1 without a prefix, /v2/openapi.json has /v2 in front of its paths', () => {
    expect(read('/openapi.json')).toMatchObject({ servers: [{ url: '/' }], info: { title: 'Shop', version: '1.4.0' } })
    expect(read('/openapi.json').components.schemas.User.properties).toHaveProperty('role')
    expect(read('/v1/openapi.json')).toMatchObject({ servers: [{ url: '/v1' }] })
    expect(read('/v2/openapi.json')).toMatchObject({ servers: [{ url: '/v2' }] })
    expect(read('/v2/openapi.json').components.schemas.User.properties).toHaveProperty('roles')
  })

  test('with a base URL the servers are absolute', () => {
    const serve = documentsOf(REFERENCE, { baseUrl: 'https://api.example.com' })
    const serverOf = (path: string) => JSON.parse(serve(path)!.body).servers[0].url
    expect(serverOf('/openapi.json')).toBe('https://api.example.com')
    expect(serverOf('/v2/openapi.json')).toBe('https://api.example.com/v2')
  })

  test('R-P-2: /asyncapi.json is the events, named as the system', () => {
    expect(read('/asyncapi.json')).toMatchObject({ asyncapi: '3.0.0', info: { title: 'Shop', version: '1.4.0' } })
  })

  test('a document is made once, and other paths have none', () => {
    const serve = documentsOf(REFERENCE)
    expect(serve('/v1/openapi.json')).toBe(serve('/v1/openapi.json'))
    expect(serve('/v1/openapi.json')!.contentType).toBe('application/json')
    for (const path of ['/v3/openapi.json', '/v0/openapi.json', '/openapi', '/']) expect(serve(path)).toBeUndefined()
  })
})
