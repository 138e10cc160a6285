import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connect } from '../src/data/connection.ts'
import { createNatsCarrier } from '../src/events/nats-carrier.ts'
import { redisAddress } from '../src/redis/address.ts'
import { connectRedis } from '../src/redis/connection.ts'

/** `open`, or why the server of a URL cannot be used, as a start would find it. */
export async function reached(url: string): Promise<string> {
  try {
    await OPEN[new URL(url).protocol]!(url)
    return 'open'
  } catch (error) {
    return (error as Error).message.split('\n')[0]!
  }
}

const OPEN: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  'postgres:': postgres,
  'nats:': nats,
  'tls:': nats,
  'rediss:': redis,
}

async function postgres(url: string): Promise<void> {
  await (await connect(url)).end()
}

async function nats(url: string): Promise<void> {
  await (await createNatsCarrier({ url, stream: 'shop', retentionMs: 60_000, connectTimeoutMs: 10_000 })).close()
}

async function redis(url: string): Promise<void> {
  const server = connectRedis(redisAddress(url)!, { name: 'shop', timeoutMs: 10_000, log() {} })
  try {
    await server.untilUp(AbortSignal.timeout(5_000)).catch(() => {
      throw new Error(server.trouble)
    })
  } finally {
    await server.close()
  }
}

/** The same for a process that trusts an authority besides: Node reads NODE_EXTRA_CA_CERTS when it starts. */
export async function reachedTrusting(ca: string, urls: readonly string[]): Promise<string[]> {
  const loader = ['--conditions=lintel-source', '--import', new URL('./source/register.mjs', import.meta.url).href]
  const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: ca }
  const args = [...loader, fileURLToPath(import.meta.url), ...urls]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return JSON.parse(stdout)
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(JSON.stringify(await Promise.all(process.argv.slice(2).map(reached))))
