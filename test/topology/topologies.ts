import { inject } from 'vitest'
import { type TestNats, testNats } from '../../src/testing/nats.ts'
import { type TestRedis, testRedis } from '../../src/testing/redis.ts'
import { testSystem } from '../../src/testing/system.ts'
import system from '../../system.ts'
import { SmtpSink } from '../smtp-sink.ts'
import { startParts } from '../system-parts.ts'
import type { Topology } from './play.ts'
import { PASSWORD } from './step.ts'
import { LIMITS } from './steps/protocol.ts'

/** A topology that runs. */
export interface Started extends Topology {
  stop(): Promise<void>
}

const SETTINGS = {
  ...LIMITS,
  LINTEL_ADMIN_EMAIL: 'admin@example.com',
  LINTEL_ADMIN_PASSWORD: PASSWORD,
  TRUSTED_PROXIES: '127.0.0.1',
  CORS_ORIGINS: 'https://app.example.com',
  PUBLIC_URL: 'https://api.example.com',
}

/** Everything in this process, events on PostgreSQL, limits in memory. */
export async function inOneProcess(): Promise<Started> {
  const mails = new SmtpSink()
  const SMTP_URL = await mails.open()
  const { url, databases, stop } = await testSystem(system, inject('databaseServer'), { ...SETTINGS, SMTP_URL })
  return { gateways: [url], mails, databases, stop: () => stop().finally(() => mails.close()) }
}

/** The servers that processes share. */
export interface SharedServers {
  readonly env: Readonly<Record<string, string>>
  readonly nats: TestNats
  readonly redis: TestRedis
  stop(): Promise<void>
}

/** Undefined where NATS or Redis is not on PATH; with CI set that is an error. Each system needs servers of its own: its stream has its name. */
export async function sharedServers(): Promise<SharedServers | undefined> {
  const nats = await testNats()
  const redis = await testRedis()
  const stop = async () => {
    await nats?.stop()
    await redis?.stop()
  }
  if (nats !== undefined && redis !== undefined)
    return { env: { NATS_URL: nats.url, REDIS_URL: redis.url }, nats, redis, stop }
  await stop()
  return undefined
}

/** Every part in processes of its own, on a NATS and a Redis of its own; undefined where there is neither. */
export async function inProcesses(
  replicas: Readonly<Record<string, number>>,
  env: Readonly<Record<string, string>>,
): Promise<Started | undefined> {
  const shared = await sharedServers()
  if (shared === undefined) return undefined
  const mails = new SmtpSink()
  const stop = async () => {
    await shared.stop()
    await mails.close()
  }
  try {
    const SMTP_URL = await mails.open()
    const running = await startParts(system, { replicas, env: { ...SETTINGS, ...shared.env, SMTP_URL, ...env } })
    return {
      gateways: running.parts.gateway!.map(({ url }) => url),
      mails,
      databases: running.databases,
      stop: () => running.stop().finally(stop),
    }
  } catch (error) {
    await stop()
    throw error
  }
}
