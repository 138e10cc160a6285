import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { freePort } from '../src/testing/free-port.ts'
import { otlpReceiver, treeOf } from './otlp-receiver.ts'
import { databasesOf } from './system-parts.ts'
import { launcher, post, until } from './system-process.ts'
import traced from './traced/system.ts'

vi.setConfig({ testTimeout: 60_000 })

const { launch, run, folder } = launcher()
const SYSTEM = fileURLToPath(new URL('./traced/system.ts', import.meta.url))
const PARENT = '00f067aa0ba902b7'

let databases: Awaited<ReturnType<typeof databasesOf>>
/** Of each test its own: what an earlier one has left in the outbox is handled later. */
let trace: string
let collector: Awaited<ReturnType<typeof otlpReceiver>>
beforeAll(async () => {
  databases = await databasesOf(traced)
})
afterAll(() => databases.drop())
beforeEach(async () => {
  trace = randomBytes(16).toString('hex')
  collector = await otlpReceiver()
})
afterEach(() => collector.close())

const spanNamed = (name: string) => collector.spans.find((one) => one.name === name)!

const started = (env: Record<string, string>, parts: readonly string[] = []) =>
  launch('lintel', { args: ['--system', SYSTEM, 'start', ...parts], env: { ...databases.env, ...env } })

/** Says a word in a trace of ours. */
function speak(url: string, text: string, flags = '01'): Promise<Response> {
  return post(`${url}/words`, { text }, { traceparent: `00-${trace}-${PARENT}-${flags}`, tracestate: 'theirs=1' })
}

test('R-OPS-3: gateway, service, SQL, the call of another service, the event and whoever handles it are one tree', async () => {
  const system = started(collector.settings)
  const answer = await speak(await system.url(), 'canary')
  expect(treeOf(await collector.trace(trace, ...LAST), PARENT)).toEqual(
    treeIn({
      gateway: 'traced',
      speakers: 'traced',
      listeners: 'traced',
      call: ['traced: speakers.words.create (internal)'],
      within: 'internal',
    }),
  )
  expect(spanNamed('POST /words').attributes).toEqual({
    'http.request.method': 'POST',
    'http.response.status_code': 201,
    'http.route': '/words',
    'lintel.operation': 'speakers.words.create',
    'lintel.request_id': answer.headers.get('x-request-id'),
    'url.scheme': 'http',
  })
  expect(spanNamed('SELECT listeners').attributes).toEqual({
    'db.namespace': 'listeners',
    'db.operation.name': 'SELECT',
    'db.query.text': expect.stringMatching(/^select .* from notes .*limit \$1$/),
    'db.response.returned_rows': 0,
    'db.system.name': 'postgresql',
  })
  expect(spanNamed('process word.created').attributes).toMatchObject({
    'messaging.destination.name': 'word.created',
    'messaging.message.id': expect.stringMatching(/^evt_/),
    'lintel.request_id': answer.headers.get('x-request-id'),
  })
  expect(JSON.stringify(collector.spans)).not.toContain('canary')
  const ours = collector.spans.filter(({ traceId }) => traceId === trace)
  expect(ours.every(({ failed, traceState }) => !failed && traceState === 'theirs=1')).toBe(true)
})

test.each(['http', 'grpc'])(
  'R-OPS-3 R-P-3: in three processes that call each other over %s it is the same tree',
  async (transport) => {
    const env = { ...collector.settings, LINTEL_CALL_TRANSPORT: transport, LINTEL_DATA_DIR: await folder() }
    // Listeners hear events of speakers, and speakers call listeners.
    const PORT = `${await freePort()}`
    const SPEAKERS_URL = `http://127.0.0.1:${PORT}`
    const LISTENERS_URL = await started({ ...env, SPEAKERS_URL }, ['listeners']).url()
    await started({ ...env, LISTENERS_URL, PORT }, ['speakers']).url()
    const gateway = started({ ...env, LISTENERS_URL, SPEAKERS_URL }, ['gateway'])
    expect((await speak(await gateway.url(), 'canary')).status).toBe(201)
    expect(treeOf(await collector.trace(trace, ...LAST), PARENT)).toEqual(
      treeIn({
        gateway: 'traced-gateway',
        speakers: 'traced-speakers',
        listeners: 'traced-listeners',
        call: ['traced-gateway: speakers.words.create (client)', '  traced-speakers: speakers.words.create (server)'],
        within: 'server',
      }),
    )
  },
)

test('R-OPS-3: what fails is failed in its own span, with its kind and without its message', async () => {
  const system = started(collector.settings)
  await speak(await system.url(), 'fail')
  await until(() => spanNamed('process word.created') !== undefined)
  expect(spanNamed('process word.created')).toMatchObject({ failed: true, attributes: { 'error.type': 'Error' } })
  expect((await post(`${await system.url()}/words`, { text: 1 })).status).toBe(400)
  const refused = () => collector.spans.find(({ attributes }) => attributes['lintel.problem'] !== undefined)
  await until(() => refused() !== undefined)
  expect(refused()).toMatchObject({
    name: 'speakers.words.create',
    failed: false,
    attributes: { 'lintel.problem': 'VALIDATION_ERROR' },
  })
  expect(JSON.stringify(collector.spans)).not.toContain('not understood')
})

test('R-OPS-3: a client that does not sample its trace has no span, and what is left at a stop is handed on', async () => {
  const system = started({ ...collector.settings, OTEL_BSP_SCHEDULE_DELAY: '60000', OTEL_SERVICE_NAME: 'mine' })
  await speak(await system.url(), 'unheard', '00')
  await post(`${await system.url()}/words`, { text: 'heard' })
  expect(collector.spans).toEqual([])
  system.signalGroup('SIGTERM')
  expect(await system.ended).toMatchObject({ code: 0 })
  expect(collector.spans.filter(({ traceId }) => traceId === trace)).toEqual([])
  expect(collector.spans.filter(({ name }) => name === 'POST /words')).toMatchObject([
    { process: 'mine', parentSpanId: undefined },
  ])
})

test.each([{ OTEL_TRACES_SAMPLER: 'always_off' }, { OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])(
  'R-OPS-3: nothing is exported with %o',
  async (env) => {
    const system = started({ ...collector.settings, ...env })
    await speak(await system.url(), 'hello')
    await system.line(/a word was heard/)
    system.signalGroup('SIGTERM')
    expect(await system.ended).toMatchObject({ code: 0 })
    expect(collector.posts).toEqual([])
  },
)

test('R-OPS-3: spans go as protobuf unless told otherwise, with the headers that OTEL_* name', async () => {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_BSP_SCHEDULE_DELAY } = collector.settings
  const OTEL_EXPORTER_OTLP_HEADERS = 'api-key=secret'
  const system = started({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_BSP_SCHEDULE_DELAY, OTEL_EXPORTER_OTLP_HEADERS })
  await speak(await system.url(), 'hello')
  await until(() => collector.posts.some(({ body }) => body.includes('speakers.words.create')))
  expect(collector.posts[0]).toMatchObject({
    url: '/v1/traces',
    headers: { 'content-type': 'application/x-protobuf', 'api-key': 'secret' },
  })
})

test('R-OPS-3: a collector that refuses everything harms no request, and is said once, as is that it takes spans again', async () => {
  collector.answer(400)
  const system = started(collector.settings)
  const url = await system.url()
  for (let i = 1; i <= 3; i++) {
    expect((await speak(url, 'hello')).status).toBe(201)
    await until(() => collector.posts.length >= i)
  }
  collector.answer(200)
  await speak(url, 'hello')
  await system.line(/traces are exported again/)
  expect(system.lines.filter((line) => line.includes("traces can't be exported"))).toHaveLength(1)
})

test('R-OPS-3: a collector that is silent, or is not there, harms no request and no stop', async () => {
  collector.answer('never')
  for (const OTEL_EXPORTER_OTLP_ENDPOINT of [collector.url, 'http://127.0.0.1:1']) {
    const system = started({ ...collector.settings, OTEL_EXPORTER_OTLP_ENDPOINT, SHUTDOWN_TIMEOUT: '5' })
    expect((await speak(await system.url(), 'hello')).status).toBe(201)
    await system.line(/a word was heard/)
    const stoppedMs = performance.now()
    system.signalGroup('SIGTERM')
    expect(await system.ended).toMatchObject({ code: 0 })
    expect(performance.now() - stoppedMs).toBeLessThan(5_000)
  }
})

/** Stands for an installation without OpenTelemetry's packages. */
const MISSING = `--import ${JSON.stringify(
  `data:text/javascript,${encodeURIComponent(
    `import { register } from 'node:module'; register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(
      `export async function resolve(name, context, next) {
        if (name.startsWith('@opentelemetry/')) throw Object.assign(new Error('missing ' + name), { code: 'ERR_MODULE_NOT_FOUND' })
        return next(name, context)
      }`,
    )}))`,
  )}`,
)}`

test('R-OPS-3: nothing of OpenTelemetry is loaded unless OTEL_* ask for traces; then what is missing is named', async () => {
  const system = started({ NODE_OPTIONS: MISSING })
  expect((await speak(await system.url(), 'hello')).status).toBe(201)
  await system.line(/a word was heard/)
  const { code, stderr } = await run('lintel', {
    args: ['--system', SYSTEM, 'start'],
    env: { ...databases.env, ...collector.settings, NODE_OPTIONS: MISSING },
  })
  expect(code).toBe(78)
  expect(stderr).toMatch(/npm install @opentelemetry\/api@\S+ .*; or set OTEL_SDK_DISABLED=true/)
})

const LAST = ['POST /words', 'process word.created', 'send note.created', 'COMMIT listeners']

interface Shape {
  readonly gateway: string
  readonly speakers: string
  readonly listeners: string
  /** From the gateway's span to that of the operation. */
  readonly call: readonly string[]
  /** Kind of the span of an operation that another service has called. */
  readonly within: string
}

/** The tree of a word that is spoken and heard. */
function treeIn({ gateway, speakers, listeners, call, within }: Shape): string[] {
  const work = [
    `${speakers}: BEGIN speakers (client)`,
    `${speakers}: COMMIT speakers (client)`,
    `${speakers}: INSERT speakers (client)`,
    `${speakers}: INSERT speakers (client)`,
    `${speakers}: listeners.notes.list (client)`,
    `  ${listeners}: listeners.notes.list (${within})`,
    `    ${listeners}: SELECT listeners (client)`,
    `${speakers}: send word.created (producer)`,
    `  ${listeners}: process word.created (consumer)`,
    `    ${listeners}: COMMIT listeners (client)`,
    `    ${listeners}: INSERT listeners (client)`,
    `    ${listeners}: INSERT listeners (client)`,
    `    ${listeners}: SAVEPOINT listeners (client)`,
    `    ${listeners}: UPDATE listeners (client)`,
    `    ${listeners}: send note.created (producer)`,
  ]
  const above = [`${gateway}: POST /words (server)`, ...call.map((line) => `  ${line}`)]
  return [...above, ...work.map((line) => '  '.repeat(above.length) + line)]
}
