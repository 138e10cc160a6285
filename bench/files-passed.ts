import { mkdtemp, rm } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from '../src/start/start.ts'
import system from '../system.ts'

// Which files a request passes: those of which a function runs while POST /users/{id}/orders is answered. `npx tsx
// --conditions=lintel-source bench/files-passed.ts`. The events of the order leave after its answer, and are left out.

const ROOT = new URL('../', import.meta.url).href
/** What publishes and handles events, and looks after the database server. */
const LATER =
  /^src\/(events|start|embedded|mail)\/|^src\/(data\/(inbox|outbox|alone)|base\/(loop|rest)|service\/(event-handling|work-context))\.ts$|^services\/orders\/confirm-order\.ts$/
const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' }

const folder = await mkdtemp(join(tmpdir(), 'lt-files-'))
const running = await start(system, {
  NODE_ENV: 'development',
  PORT: '0',
  LOG_LEVEL: 'warn',
  RATE_LIMIT_MAX: '100000',
  LINTEL_DATA_DIR: folder,
  LINTEL_ADMIN_EMAIL: ADMIN.email,
  LINTEL_ADMIN_PASSWORD: ADMIN.password,
})

async function post(path: string, body: object, token?: string) {
  const response = await fetch(running.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Record<string, string>
}

try {
  const { accessToken: admin } = await post('/auth/login', ADMIN)
  const product = await post(
    '/products',
    { sku: 'chai', name: 'Chai', category: 'Beverages', price: 18, stock: 1_000 },
    admin,
  )
  const ann = { email: 'ann@example.com', name: 'Ann', password: ADMIN.password }
  const { id } = await post('/users', ann)
  const { accessToken } = await post('/auth/login', { email: ann.email, password: ann.password })
  const order = () => post(`/users/${id}/orders`, { items: [{ productId: product.id, quantity: 1 }] }, accessToken)
  for (let i = 0; i < 20; i++) await order()

  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  await order()
  const { result } = await session.post('Profiler.takePreciseCoverage')
  session.disconnect()
  const passed = result
    .filter(({ url }) => url.startsWith(ROOT) && !url.includes('/node_modules/'))
    .filter(({ functions }) => functions.some(({ ranges }) => ranges[0]!.count > 0))
    .map(({ url }) => url.slice(ROOT.length))
    .filter((path) => /^(src|services)\//.test(path) && !LATER.test(path))
    .sort()
  console.log(passed.join('\n'))
  console.log(
    `${passed.length} files, ${passed.filter((path) => path.startsWith('src/')).length} of them of the library`,
  )
} finally {
  await running.stop()
  await rm(folder, { recursive: true })
}
