import { get, type Line, logIn, post } from '../step.ts'

const ann = { as: 'ann' }
const origin = { origin: 'https://app.example.com' }
const text = { 'content-type': 'text/plain' }

const malformed = [
  '',
  '{',
  '{"email":',
  '{"email":"a@example.com","email":"b@example.com"}',
  '{"__proto__":{}}',
  `${'['.repeat(70)}${']'.repeat(70)}`,
  '{"email":"\ud800"}',
  '{"email":NaN}',
  '\ufeff{}',
  "{'email':1}",
]

const paths = [
  '/nothing',
  '/users/',
  '//users',
  '/users/./me',
  '/users/%2e%2e/orders',
  '/users%2fme',
  '/users/me%00',
  '/users/%zz',
  '/_lintel/users',
  '/v3/users/me',
  '/v0/users',
  '/products?version=7',
  `/products?q=${'x'.repeat(12_000)}`,
  `/${'x'.repeat(9_000)}`,
]

/** R-REST-4, R-REST-7, R-BODY-5, R-GW-4 and R-GW-5: what HTTP says, and what the gateway refuses. */
export const PROTOCOL: readonly Line[] = [
  ...malformed.map((body) => post('/users', body)),
  ...paths.map((path) => get(path)),
  { method: 'TRACE', path: '/products' },
  { method: 'POST', path: '/products/{tea1}' },
  { method: 'PATCH', path: '/products' },
  { method: 'DELETE', path: '/users' },
  { method: 'PUT', path: '/auth/login' },
  { method: 'PROPFIND', path: '/products' },
  { method: 'GET', path: '/products', headers: text, body: 'a body' },
  { method: 'DELETE', path: '/products/{tea1}', as: 'admin', headers: text, body: 'a body' },
  { method: 'POST', path: '/users', headers: text, body: 'a text' },
  { method: 'POST', path: '/users', body: '{}' },
  { method: 'PATCH', path: '/users/me', as: 'ann', headers: text, body: '{}' },
  {
    method: 'POST',
    path: '/users',
    headers: { 'content-type': 'application/json', 'content-encoding': 'br' },
    body: '{}',
  },
  { method: 'POST', path: '/users', headers: { 'content-type': 'application/json; charset=utf-16' }, body: '{}' },
  post('/users', `{"name":"${'x'.repeat(1_100_000)}"}`),
  get('/products', { headers: { 'x-long': 'x'.repeat(17_000) } }),
  get('/products/{tea1}', { headers: { 'x-request-id': 'mine-1' } }),
  get('/products/{tea1}', { headers: { 'x-request-id': 'not mine!' } }),
  get('/users/me', { headers: { 'x-request-id': 'mine-2' } }),
  get('/users/me', { headers: { accept: 'application/problem+json', 'x-request-id': 'mine-3' } }),
  post('/users', {}, { headers: { accept: 'application/problem+json' } }),
  get('/orders/{order}', { as: 'bob', headers: { accept: 'application/problem+json' } }),
  get('/nothing', { headers: { accept: 'application/problem+json' } }),
  get('/products/{tea1}', { headers: { accept: 'text/html' } }),
  get('/products', { headers: { 'accept-encoding': 'gzip' } }),
  get('/openapi.json', { headers: { 'accept-encoding': 'br' } }),
  get('/products/{tea1}', { headers: origin }),
  get('/products/{tea1}', { headers: { origin: 'https://evil.example.com' } }),
  { method: 'OPTIONS', path: '/products', headers: { ...origin, 'access-control-request-method': 'POST' } },
  {
    method: 'OPTIONS',
    path: '/orders/{order}',
    headers: {
      ...origin,
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization, if-match',
    },
  },
  get('/users/me', { ...ann, headers: { 'x-lintel-caller': 'usr_01h455vb4pex5vsknk084sn02q' } }),
  get('/users/me', { headers: { 'lintel-call': '{}', 'lintel-proof': 'AAAA' } }),
]

const vendor = (version: number) => ({ headers: { accept: `application/vnd.api+json;version=${version}` } })

/** R-VER. */
export const VERSIONS: readonly Line[] = [
  ...['/v1/users/me', '/v2/users/me', '/users/me?version=2', '/api/users/me', '/api/v2/users/me'].map((path) =>
    get(path, ann),
  ),
  get('/users/me', { ...ann, ...vendor(2) }),
  get('/v1/users/me', { ...ann, ...vendor(2) }),
  get('/users/me?version=1', { ...ann, ...vendor(2) }),
  get('/users/me', { ...ann, ...vendor(9) }),
  get('/v2/users?limit=2&sort=name', { as: 'admin' }),
  get('/v2/products/{tea1}'),
  get('/v2/orders/{order}', ann),
  post('/v2/users', { email: 'v2@example.com', name: 'V2', password: 'correct horse battery staple' }),
  post('/v2/users', { email: 'v3@example.com', name: 'V3', password: 'correct horse battery staple', role: 'member' }),
  post(
    '/v2/users',
    { email: 'v4@example.com', name: 'V4', password: 'correct horse battery staple', roles: ['admin', 'member'] },
    { as: 'admin' },
  ),
]

export const DOCUMENTS: readonly Line[] = [
  get('/openapi.json'),
  get('/v1/openapi.json'),
  get('/v2/openapi.json'),
  get('/v3/openapi.json'),
  get('/asyncapi.json'),
  get('/openapi.json', { headers: { 'if-none-match': '*' } }),
  { method: 'HEAD', path: '/asyncapi.json' },
  { method: 'DELETE', path: '/openapi.json' },
]

/** The settings that these steps know of: the buckets do not refill while the script runs. */
export const LIMITS = { RATE_LIMIT_MAX: '250', RATE_LIMIT_WINDOW_MS: '86400000', RATE_LIMIT_AUTH_MAX: '5' }

/** R-RATE: whichever gateway is asked, there is one bucket. */
export const LIMITED: readonly Line[] = [
  get('/products/{tea1}', { from: '192.0.2.1' }),
  get('/products/{tea1}', { from: '192.0.2.1', times: 249 }),
  get('/products/{tea1}', { from: '192.0.2.1' }),
  get('/nothing', { from: '192.0.2.1' }),
  get('/products/{tea1}', { from: '192.0.2.2' }),
  get('/products/{tea1}', { ...ann, from: '192.0.2.1' }),
  ...Array.from({ length: 6 }, () =>
    post('/auth/login', { email: 'guessed@example.com', password: 'a wrong password' }),
  ),
  { ...logIn('admin'), from: '192.0.2.3' },
  ...Array.from({ length: 6 }, () => post('/auth/refresh', { refreshToken: 'x' }, { from: '192.0.2.4' })),
]
