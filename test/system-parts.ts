import { once } from 'node:events'
import { get as getPlain, type IncomingMessage } from 'node:http'
import { get as getSecure } from 'node:https'
import { inject } from 'vitest'
import type { System } from '../src/start/system.ts'
import { clonesOf } from '../src/testing/database.ts'
import { freePort } from '../src/testing/free-port.ts'
import { databaseSettings } from '../src/testing/system.ts'
import { SystemProcess, until } from './system-process.ts'

type Env = Readonly<Record<string, string>>

/** Databases of its own for a system whose parts run in several processes, and the settings that lead there. */
export async function databasesOf(system: System, server = inject('databaseServer')) {
  const clones = await clonesOf(server, system.services)
  return { ...clones, env: databaseSettings(clones.urls) }
}

/** One process of a part, at a port that it keeps through its restarts. */
export class PartReplica {
  readonly name: string
  readonly url: string
  #process: SystemProcess | undefined = undefined
  #ended: readonly string[] = []
  /** As `url`, or with https:// where it has a certificate. */
  #listensAt: string
  readonly #args: readonly string[]
  #env: Env

  constructor(name: string, port: number, env: Env, file?: string) {
    this.name = name
    this.url = `http://127.0.0.1:${port}`
    this.#listensAt = this.url
    this.#args = ['start', name, ...(file === undefined ? [] : ['--system', file])]
    this.#env = { ...env, PORT: String(port) }
  }

  /** Undefined before the first start. */
  get process(): SystemProcess | undefined {
    return this.#process
  }

  /** What its processes have logged so far, the ended ones included. */
  get lines(): readonly string[] {
    return [...this.#ended, ...(this.#process?.lines ?? [])]
  }

  /** Resolves when it listens. */
  async start(env: Env = {}): Promise<void> {
    this.#env = { ...this.#env, ...env }
    this.#ended = this.lines
    this.#process = new SystemProcess('lintel', { args: this.#args, env: this.#env })
    this.#listensAt = await this.#process.url()
  }

  async isReady(): Promise<boolean> {
    return (await statusOf(`${this.#listensAt}/health/ready`).catch(() => undefined)) === 200
  }

  /** As a deployment does: SIGTERM, and the next one once it has ended. Resolves when that is ready. */
  async restart(env: Env = {}): Promise<void> {
    await this.stop()
    await this.start(env)
    await until(() => this.isReady())
  }

  async stop(): Promise<void> {
    this.#process?.signalGroup('SIGTERM')
    const ended = await this.#process?.ended
    if (ended !== undefined && ended.code !== 0)
      throw new Error(`${this.name} ended with ${ended.code ?? ended.signal}:\n${ended.stdout}\n${ended.stderr}`)
  }

  async kill(): Promise<void> {
    this.#process?.signalGroup('SIGKILL')
    await this.#process?.ended
  }
}

export interface PartsOptions {
  /** How many processes of each part: of every service, and of `gateway`; 1. */
  readonly replicas?: Readonly<Record<string, number>>
  readonly env?: Env
  /** The PostgreSQL server; that of the run of tests by default. */
  readonly server?: string
  /** The module of the system; that of this repository by default. */
  readonly file?: string
}

/** A system in processes of its own, all of which end with `stop`. */
export interface PartedSystem {
  readonly parts: Readonly<Record<string, readonly PartReplica[]>>
  /** URL of each database, by the service's name. */
  readonly databases: Readonly<Record<string, string>>
  /** What a further process needs to belong to it: it leads to the databases, and proves calls. */
  readonly env: Env
  /**
   * Every part at once, as deployments go: of each part one process after another, each ready before the next ends. `env` changes
   * settings of a part.
   */
  restartAll(env: (part: string) => Env): Promise<void>
  stop(): Promise<void>
}

/** For tests alone: it proves calls between processes that live no longer than they do. */
const INTERNAL_KEY = 'a key that only processes of one test know of'

/** Starts every service and the gateway in processes of their own, on databases of their own. */
export async function startParts(system: System, options: PartsOptions = {}): Promise<PartedSystem> {
  const { replicas = {}, env = {}, server, file } = options
  const databases = await databasesOf(system, server)
  const services = system.services.map(({ contract }) => contract.name)
  const ports: Record<string, number[]> = {}
  for (const name of [...services, 'gateway'])
    ports[name] = await Promise.all(Array.from({ length: replicas[name] ?? 1 }, () => freePort()))
  const urls: Record<string, string> = {}
  for (const name of services) urls[urlSetting(name)] = ports[name]!.map((port) => `http://127.0.0.1:${port}`).join(',')
  const belonging = { LINTEL_INTERNAL_KEY: INTERNAL_KEY, ...databases.env }
  const parts: Record<string, readonly PartReplica[]> = {}
  for (const [name, all] of Object.entries(ports)) {
    const others = Object.fromEntries(Object.entries(urls).filter(([setting]) => setting !== urlSetting(name)))
    const own = { LOG_LEVEL: 'info', ACCESS_LOG: 'off', ...belonging, ...others, ...env }
    parts[name] = all.map((port) => new PartReplica(name, port, own, file))
  }
  const each = Object.values(parts).flat()
  const stop = async () => {
    await Promise.all(each.map((one) => one.kill()))
    await databases.drop()
  }
  try {
    await Promise.all(each.map((one) => one.start()))
    await until(async () => (await Promise.all(each.map((one) => one.isReady()))).every(Boolean))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    parts,
    databases: databases.urls,
    env: belonging,
    async restartAll(changed) {
      const rolling = Object.entries(parts).map(async ([name, replicas]) => {
        for (const one of replicas) await one.restart(changed(name))
      })
      await Promise.all(rolling)
    },
    stop,
  }
}

/** By any certificate. */
async function statusOf(url: string): Promise<number> {
  const request = url.startsWith('https:')
    ? getSecure(url, { rejectUnauthorized: false, agent: false })
    : getPlain(url, { agent: false })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode!
}

/** The setting that leads callers to a service. */
export function urlSetting(service: string): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_URL`
}
