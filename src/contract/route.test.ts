import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import { Fault } from '../base/errors.ts'
import { openapi } from './documents/openapi.ts'
import { lockOf, protobuf } from './documents/protobuf.ts'
import { operation, route, service, t } from './index.ts'

const hook = {
  methods: ['POST'],
  path: '/payment-notifications',
  access: 'public',
  body: { types: ['Application/JSON'], maxBytes: 1024 },
  answers: { 204: null },
} as const

const desk = service('desk', {
  operations: { close: operation({ method: 'PUT', path: '/closures/{day}', access: 'public' }) },
  routes: {
    hook: route(hook),
    file: route({
      methods: ['GET', 'PUT'],
      path: '/files/{folder}/{name}',
      access: 'authenticated',
      body: { types: ['image/*', 'application/pdf'], maxBytes: 2 ** 30, streamed: true },
      answers: { 200: '*/*', 404: 'text/plain', 201: null },
      problems: ['NOT_FOUND'],
      timeoutMs: 60_000,
      description: 'A file.',
    }),
  },
})

test('R-P-6: a route is served as an operation for each of its methods', () => {
  expect(desk.served.filter(({ verb }) => verb === 'route').map(({ id, method, path }) => [id, method, path])).toEqual([
    ['desk.hook.post', 'POST', '/payment-notifications'],
    ['desk.file.get', 'GET', '/files/{folder}/{name}'],
    ['desk.file.put', 'PUT', '/files/{folder}/{name}'],
  ])
  const [posted] = desk.served.filter(({ verb }) => verb === 'route')
  expect(posted!.facts).toMatchObject({ keepsAnswers: false, buckets: 'default', answersNotModified: false })
})

describe('documents', () => {
  test('R-P-2: OpenAPI has its methods, types, access and problems', async () => {
    const document = openapi([desk])
    const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)))
    expect(errors ?? []).toEqual([])
    expect(valid).toBe(true)
    const { get, put } = document.paths['/files/{folder}/{name}'] as any
    expect(Object.keys(put.requestBody.content)).toEqual(['image/*', 'application/pdf'])
    expect(get).not.toHaveProperty('requestBody')
    expect([get.security, put['x-lintel-timeout-ms']]).toEqual([[{ bearerAuth: [] }], 60_000])
    expect(Object.keys(put.responses)).toEqual(
      ['200', '201', '400', '401', '404', '413', '415', '429', '500', '502', '503', '504'].map(String),
    )
    expect(Object.keys(get.responses['404'].content)).toEqual(['application/json', 'text/plain'])
    expect(get.responses['404']['x-lintel-codes']).toEqual(['NOT_FOUND'])
    expect(get.parameters.slice(0, 2).map(({ name }: { name: string }) => name)).toEqual(['folder', 'name'])
    const { post } = document.paths['/payment-notifications'] as any
    expect([post.operationId, post.security, post.responses[204].content]).toEqual([
      'postHook',
      [{}, { bearerAuth: [] }],
      undefined,
    ])
  })

  test('R-P-2: it is no rpc', () => {
    expect(JSON.stringify(protobuf(desk, lockOf(desk)))).not.toMatch(/Hook|File/)
  })
})

describe('what is refused where it is defined', () => {
  const faultOf = (options: object): string => {
    try {
      service('desk', { routes: { hook: route({ ...hook, ...options }) } } as never)
      return ''
    } catch (error) {
      expect(error).toBeInstanceOf(Fault)
      return (error as Fault).message
    }
  }

  test.each([
    ['no methods', { methods: [] }, 'has no methods'],
    ['a method that is none', { methods: ['FETCH'] }, 'has the method "FETCH"'],
    ['a method that comes by itself', { methods: ['HEAD'] }, 'HEAD comes with GET'],
    ['a method twice', { methods: ['POST', 'POST'] }, 'lists POST twice'],
    ['an owner', { access: 'owner' }, 'uses "owner"'],
    ['services', { access: 'service' }, 'is open to services only'],
    ['no access rule', { access: '' }, 'has an access rule that is empty'],
    ['credentials of its own, for users', { access: 'admin', credentials: 'own' }, 'nobody could call it'],
    ['credentials that are none', { credentials: 'cookie' }, 'has the credentials "cookie"'],
    ['a sign-in by a token', { signsIn: true }, 'signs in, but has no credentials of its own'],
    ['no path', { path: '/' }, 'has the path "/"'],
    ['a parameter first', { path: '/{name}' }, 'has the path "/{name}"'],
    ['a slash at the end', { path: '/a/' }, 'has the path "/a/"'],
    ['a dot segment', { path: '/a/../b' }, 'has the path "/a/../b"'],
    ['a version in its path', { path: '/v1/a' }, 'R-VER-1 desk.hook: begins its path with /v1'],
    ['a parameter twice', { path: '/a/{b}/{b}' }, 'has the parameter {b} twice'],
    ['a body of GET', { methods: ['GET'] }, 'has a body, but no method that takes one'],
    ['a body without types', { body: { types: [] } }, 'has no types'],
    ['a type that is none', { body: { types: ['json'] } }, 'has the media type "json"'],
    ['a body that is too large to hold', { body: { types: ['*/*'], maxBytes: 2 ** 25 } }, 'has maxBytes 33554432'],
    ['a stream without an end', { body: { types: ['*/*'], streamed: true } }, 'is streamed, and has no maxBytes'],
    ['no answers', { answers: {} }, 'has no answers'],
    ['an answer that is none', { answers: { 100: null } }, 'is no status of an answer'],
    ['an answer of no types', { answers: { 200: [] } }, 'has a list as `answers.200`: expected media types, or null'],
    ['an answer that is no type', { answers: { 200: 5 } }, 'has the media type 5'],
    ['a body where there is none', { answers: { 204: 'text/html' } }, 'has a body'],
    ['a type with parameters', { answers: { 200: 'text/html; charset=utf-8' } }, 'has the media type'],
    ['an undeclared problem', { problems: ['GONE'] }, 'lists the undeclared problem GONE'],
    ['no time', { timeoutMs: 0 }, 'has the timeoutMs 0'],
    ['an unknown member', { acces: 'public' }, 'acces'],
    ['an unknown member of its body', { body: { type: 'x', types: ['*/*'] } }, 'type'],
    ['no list of types', { body: { types: 'text/html' } }, 'expected a list'],
    ['no access', { access: undefined }, 'has no `access`'],
    ['an access rule that is no text', { access: null }, 'has null as `access`: expected a text'],
    ['a path that is no text', { path: {} }, 'has an object as `path`: expected a text'],
  ])('R-P-6: %s', (_, options, message) => {
    expect(faultOf(options)).toContain(message)
  })

  test('R-P-6: a name or a place that an operation has', () => {
    const spec = operation({ method: 'POST', path: '/payment-notifications', access: 'public', status: 202 })
    expect(() => service('desk', { operations: { notify: spec }, routes: { hook: route(hook) } })).toThrow(
      'desk.hook.post: has the same method and path as desk.notify',
    )
    expect(() => service('desk', { operations: { hook: spec }, routes: { hook: route(hook) } })).toThrow(
      'has the name of a resource, an operation',
    )
    expect(() => service('desk', { routes: { one: route(hook), two: route(hook) } })).toThrow(
      'desk.two.post: has the same method and path as desk.one.post',
    )
  })
})

test('R-P-2: parameters have their names from the path', () => {
  const file = desk.routes.file
  const params: NonNullable<(typeof file)['~']>['params'] = { folder: 'a', name: 'b' }
  // @ts-expect-error: there is no such parameter
  params.day
  expect(t.text()).toBeDefined()
})
