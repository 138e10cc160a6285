import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, expect, test } from 'vitest'
import { until } from '../../test/system-process.ts'
import { freePort } from '../testing/free-port.ts'
import { type TestRedis, testRedis } from '../testing/redis.ts'
import { redisAddress } from './address.ts'
import { connectRedis, type Redis, type RedisOptions } from './connection.ts'
import { RedisUnavailable } from './redis-unavailable.ts'
import { script } from './script.ts'

const server = await testRedis()
if (!server) console.warn('THE CONNECTION TO REDIS IS NOT TESTED: no redis-server and no valkey-server on PATH')
const withRedis = test.runIf(server !== undefined)
const { signal } = new AbortController()

let lines: string[] = []
let opened: Redis[] = []
const others: TestRedis[] = []
afterEach(async () => {
  await Promise.all(opened.map((redis) => redis.close()))
  opened = []
  lines = []
})
afterAll(async () => {
  await Promise.all([server, ...others].map((one) => one?.stop()))
})

function connect(url: string, options: Partial<RedisOptions> = {}): Redis {
  const redis = connectRedis(redisAddress(url)!, {
    name: 'shop',
    timeoutMs: 400,
    log: (line) => lines.push(line),
    ...options,
  })
  opened.push(redis)
  return redis
}

async function connected(url = server!.url, options: Partial<RedisOptions> = {}): Promise<Redis> {
  const redis = connect(url, options)
  await redis.untilUp(signal)
  return redis
}

async function another(...args: string[]): Promise<TestRedis> {
  const one = (await testRedis(args))!
  others.push(one)
  return one
}

withRedis('R-OPS-4: a server that asks for a password says so to whoever has none', async () => {
  const own = await another('--requirepass', 'sesame')
  const redis = connect(own.url)
  await expect.poll(() => redis.trouble, { timeout: 20_000 }).toMatch(/^it asks for a password, and its URL has none/)
  const url = own.url.replace('//', '//:sesame@')
  expect(await (await connected(url)).send(['PING'])).toBe('PONG')
})

withRedis('commands are answered, with strings as text or as the bytes that they are', async () => {
  const redis = await connected()
  const bytes = Buffer.from([0, 255, 13, 10, 128])
  expect(await redis.send(['SET', `${redis.prefix}a`, bytes])).toBe('OK')
  expect(await redis.sendForBytes(['GET', 'shop:a'])).toEqual(bytes)
  expect(await redis.send(['STRLEN', 'shop:a'])).toBe(5)
  expect(await redis.send(['GET', 'shop:b'])).toBeNull()
  expect(await redis.health()).toEqual({ status: 'up', latency: expect.any(Number) })
})

withRedis('an error of the server rejects its own command alone', async () => {
  const redis = await connected()
  const [wrong, right] = await Promise.allSettled([redis.send(['LPUSH', 'shop:a']), redis.send(['PING'])])
  expect(wrong).toMatchObject({ reason: { message: expect.stringContaining('wrong number of arguments') } })
  expect(wrong).not.toMatchObject({ reason: expect.any(RedisUnavailable) })
  expect(right).toMatchObject({ value: 'PONG' })
  expect(redis.up).toBe(true)
})

withRedis('the commands of one turn of the event loop go out in one write', async () => {
  const proxy = await listen((socket) => pipe(socket, server!.port, (chunk) => chunks.push(chunk)))
  const chunks: Buffer[] = []
  const redis = await connected(proxy.url)
  chunks.length = 0
  await Promise.all(Array.from({ length: 200 }, (_, i) => redis.send(['SET', `shop:${i}`, 'x'])))
  expect(chunks).toHaveLength(1)
  proxy.close()
})

withRedis('a script runs by its hash, also on a server that has forgotten it', async () => {
  const redis = await connected()
  const double = script('return {KEYS[1], ARGV[1] * 2}')
  await redis.send(['SCRIPT', 'FLUSH'])
  expect(await redis.run(double, ['shop:a'], ['21'])).toEqual(['shop:a', 42])
  await redis.send(['SCRIPT', 'FLUSH'])
  expect(await Promise.all([1, 2, 3].map((n) => redis.run(double, ['shop:a'], [String(n)])))).toEqual([
    ['shop:a', 2],
    ['shop:a', 4],
    ['shop:a', 6],
  ])
})

withRedis(
  'R-CACHE-3: a server that ends rejects what is under way and what comes, and is used again when it is back',
  async () => {
    const own = await another()
    const redis = await connected(own.url)
    const frozen = redis.send(['BLPOP', 'shop:nothing', '0'])
    await Promise.all([expect(frozen).rejects.toThrow(RedisUnavailable), own.kill()])
    await until(() => !redis.up)
    await expect(redis.send(['PING'])).rejects.toThrow(RedisUnavailable)
    expect(await redis.health()).toEqual({ status: 'down', message: 'the server does not answer' })
    await own.start()
    await redis.untilUp(signal)
    expect(await redis.send(['PING'])).toBe('PONG')
    expect(redis.figures.connections).toBe(2)
    expect(lines).toEqual([
      expect.stringMatching(`^Redis at 127\\.0\\.0\\.1:${own.port} can't be used \\(.+\\): trying again until it can$`),
      `Redis at 127.0.0.1:${own.port} can be used again`,
    ])
  },
)

withRedis('R-CACHE-3: a frozen server is given up, its connection too, and is used again when it answers', async () => {
  const own = await another()
  const redis = await connected(own.url)
  own.freeze()
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => redis.send(['PING'])))
  for (const one of all) expect(one).toMatchObject({ reason: expect.any(RedisUnavailable) })
  expect(redis.up).toBe(false)
  // What follows does not wait for it any more.
  await expect(redis.send(['PING'])).rejects.toThrow("Redis can't be used: no answer in 400 ms")
  own.thaw()
  await redis.untilUp(signal)
  expect(await redis.send(['PING'])).toBe('PONG')
  expect(redis.figures).toMatchObject({ connections: 2, unanswered: 20 })
})

withRedis('R-CACHE-3: a server that answers too late is not used', async () => {
  let delayMs = 0
  const proxy = await listen((socket) => pipe(socket, server!.port, undefined, () => delayMs))
  const redis = await connected(proxy.url, { timeoutMs: 100 })
  delayMs = 2_000
  await expect(redis.send(['PING'])).rejects.toThrow('no answer in 100 ms')
  await until(() => proxy.connections >= 3)
  expect([redis.up, redis.figures.connections]).toEqual([false, 1])
  delayMs = 0
  await redis.untilUp(signal)
  proxy.close()
})

withRedis('a process that is busy for long does not take its server for a silent one', async () => {
  const redis = await connected(server!.url, { timeoutMs: 100 })
  await redis.send(['PING'])
  const answer = redis.send(['PING'])
  const endMs = performance.now() + 500
  while (performance.now() < endMs);
  expect(await answer).toBe('PONG')
  expect(redis.figures.connections).toBe(1)
})

withRedis('a server that takes connections and says nothing is given up', async () => {
  const silent = await listen(() => {})
  connect(silent.url, { connectTimeoutMs: 50 })
  await until(() => silent.connections >= 3)
  expect(lines).toEqual([expect.stringContaining('(no answer to the login in 50 ms)')])
  silent.close()
})

withRedis('a server that speaks something else is given up', async () => {
  const other = await listen((socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const redis = connect(other.url, { connectTimeoutMs: 200 })
  await until(() => other.connections >= 2)
  expect(redis.up).toBe(false)
  other.close()
})

withRedis('R-OPS-4: a wrong password is said without it', async () => {
  const { port } = await another('--requirepass', 'right-one')
  const redis = connect(`redis://:wrong-one@127.0.0.1:${port}`)
  await until(() => lines.length > 0)
  expect(redis.up).toBe(false)
  expect(lines[0]).toContain('WRONGPASS')
  expect(lines.join()).not.toMatch(/wrong-one|right-one/)
  await connected(`redis://:right-one@127.0.0.1:${port}/3`)
})

withRedis.for([
  // Left to itself its nodes talk over a port that is 10,000 higher, which may be taken.
  [
    'a node of a cluster',
    async () => ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`],
    'it is a node of a cluster',
  ],
  ['a replica', async () => ['--replicaof', '127.0.0.1 1'], 'it is a replica'],
] as const)('%s is refused, with the reason', async ([, args, reason]) => {
  const { url } = await another(...(await args()))
  const redis = connect(url)
  await until(() => lines.length > 0)
  expect(lines[0]).toContain(reason)
  expect(redis.up).toBe(false)
})

withRedis(
  'a server that becomes a replica is left: the one to write to may be elsewhere by the same name',
  async () => {
    const own = await another()
    const redis = await connected(own.url)
    await redis.send(['REPLICAOF', '127.0.0.1', '1'])
    await expect(redis.send(['SET', 'shop:a', '1'])).rejects.toThrow('READONLY')
    await until(() => lines.length > 0)
    expect([redis.up, lines[0]]).toEqual([false, expect.stringContaining('READONLY')])
  },
)

withRedis('untilUp ends with its signal, and close rejects what is under way', async () => {
  const redis = connect('redis://127.0.0.1:1')
  const gaveUp = new Error('gave up')
  await expect(redis.untilUp(AbortSignal.abort(gaveUp))).rejects.toBe(gaveUp)
  const later = new AbortController()
  const waiting = redis.untilUp(later.signal)
  later.abort(gaveUp)
  await expect(waiting).rejects.toBe(gaveUp)

  const other = await connected()
  const answer = other.send(['BLPOP', 'shop:nothing', '0'])
  await Promise.all([expect(answer).rejects.toThrow(RedisUnavailable), other.close()])
  await expect(other.send(['PING'])).rejects.toThrow(RedisUnavailable)
})

interface Place {
  readonly url: string
  readonly connections: number
  close(): void
}

async function listen(taken: (socket: Socket) => void): Promise<Place> {
  const sockets = new Set<Socket>()
  let connections = 0
  const place: Server = createServer((socket) => {
    connections++
    sockets.add(socket.on('error', () => {}))
    taken(socket)
  })
  await new Promise<void>((resolve) => place.listen(0, '127.0.0.1', resolve))
  const { port } = place.address() as { port: number }
  return {
    url: `redis://127.0.0.1:${port}`,
    get connections() {
      return connections
    },
    close() {
      place.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Passes everything to the server and back, which may take a while. */
function pipe(socket: Socket, port: number, seen?: (chunk: Buffer) => void, delayMs: () => number = () => 0): void {
  const upstream = dial(port, '127.0.0.1').on('error', () => {})
  socket.on('data', (chunk) => {
    seen?.(chunk)
    upstream.write(chunk)
  })
  upstream.on('data', (chunk) => {
    const ms = delayMs()
    if (ms === 0) socket.write(chunk)
    else setTimeout(() => socket.write(chunk), ms)
  })
  socket.on('close', () => upstream.destroy())
  upstream.on('close', () => socket.destroy())
}
