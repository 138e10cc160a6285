import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseDuration } from '../base/duration.ts'
import { Fault } from '../base/errors.ts'
import { isPassable } from '../gateway/outside-headers.ts'
import { isHeaderName } from '../http/header-name.ts'
import { isUnchecked, UNCHECKED } from '../proxy/foreign/openapi-security.ts'
import { readSettings } from '../start/settings.ts'
import { type GatewaySetup, readUpstreamUrl, startGateway, type TokenSource } from '../start/start-gateway.ts'
import { prepareEnvironment } from './environment.ts'
import { runUntilSignalled } from './run.ts'

/** As commander gives them. */
export interface GatewayArguments {
  readonly upstream: readonly string[]
  readonly routes?: string
  readonly openapi: readonly string[]
  readonly uncheckedSecurity?: string
  readonly jwks?: string
  readonly issuer?: string
  readonly audience?: string
  readonly rolesClaim: string
  readonly passHeader: readonly string[]
  readonly timeout: string
  readonly maxBody: string
}

export function gatewayCommand(given: GatewayArguments): Promise<void> {
  const setup = readArguments(given)
  prepareEnvironment('serve')
  return runUntilSignalled(async (signal) => {
    if (readSettings(process.env, []).workers === 1) return startGateway(setup, process.env, { signal })
    const { startGatewayWorkers } = await import('../start/workers/start-workers.ts')
    return startGatewayWorkers({ signal, module: WORKER, args: [JSON.stringify(given)] })
  })
}

/** Beside this file, compiled or not. */
const WORKER = fileURLToPath(new URL(`gateway-worker${extname(import.meta.url)}`, import.meta.url))

export function readArguments(given: GatewayArguments): GatewaySetup {
  const upstreams = new Map<string, URL[]>()
  for (const text of given.upstream) {
    const [name, urls] = readUpstream(text)
    if (upstreams.has(name)) throw wrong(`--upstream names "${name}" twice: separate replicas with commas`)
    upstreams.set(name, urls)
  }
  if (given.routes === undefined && given.openapi.length === 0)
    throw wrong('Give --routes or --openapi: the gateway needs to know which paths to serve')
  const timeoutMs = parseDuration(given.timeout)
  if (!timeoutMs || timeoutMs > 3_600_000)
    throw wrong(`--timeout is "${given.timeout}": give a duration such as 30s or 500ms, at most 60m`)
  const maxBodyBytes = /^\d{1,15}$/.test(given.maxBody) ? Number(given.maxBody) : 0
  if (maxBodyBytes < 1) throw wrong(`--max-body is "${given.maxBody}": give a number of bytes from 1`)
  return {
    upstreams,
    routes: given.routes,
    openapi: given.openapi.map((text) => readDocument(text, [...upstreams.keys()])),
    ...readUnchecked(given),
    tokens: readTokens(given),
    passedHeaders: given.passHeader.map(readHeaderName),
    timeoutMs,
    maxBodyBytes,
  }
}

/** `shop=http://10.0.0.1:8080,http://10.0.0.2:8080`. */
function readUpstream(text: string): [string, URL[]] {
  const [, name, list] = /^([a-z][a-z0-9-]{0,62})=(.+)$/.exec(text) ?? []
  if (name === undefined || list === undefined)
    throw wrong(`--upstream is "${text}": give <name>=<url>, such as shop=http://127.0.0.1:8080`)
  const urls = list.split(',').map((one) => {
    const url = readUpstreamUrl(one)
    if (!url)
      throw wrong(`--upstream ${name} has an invalid address, "${one.trim()}": give one such as http://127.0.0.1:8080`)
    return url
  })
  if (new Set(urls.map(String)).size < urls.length) throw wrong(`--upstream ${name} has the same address twice`)
  return [name, urls]
}

function readDocument(text: string, names: readonly string[]): { upstream: string; file: string } {
  const equals = text.indexOf('=')
  if (equals < 0 && names.length > 1)
    throw wrong(`--openapi is "${text}": name its upstream, as in ${names[0]}=${text}; upstreams: ${names.join(', ')}`)
  const upstream = equals < 0 ? names[0]! : text.slice(0, equals)
  if (!names.includes(upstream))
    throw wrong(`--openapi names the upstream "${upstream}", which is not given; upstreams: ${names.join(', ')}`)
  return { upstream, file: text.slice(equals + 1) }
}

function readUnchecked({ uncheckedSecurity }: GatewayArguments): Pick<GatewaySetup, 'unchecked'> {
  if (uncheckedSecurity === undefined) return {}
  if (!isUnchecked(uncheckedSecurity))
    throw wrong(`--unchecked-security is "${uncheckedSecurity}": give one of ${UNCHECKED.join(', ')}`)
  return { unchecked: uncheckedSecurity }
}

function readHeaderName(text: string): string {
  const name = text.toLowerCase()
  if (!isHeaderName(name)) throw wrong(`--pass-header is "${text}": give the name of one header, such as X-Tenant-Id`)
  if (!isPassable(name))
    throw wrong(`--pass-header is "${text}": this header is the gateway's own to set, and never passed on from outside`)
  return name
}

function readTokens({ jwks, issuer, audience, rolesClaim }: GatewayArguments): TokenSource | undefined {
  if (jwks === undefined) {
    if (issuer !== undefined || audience !== undefined)
      throw wrong('--issuer and --audience need --jwks: give the URL or file of the keys')
    return undefined
  }
  // Without them any token of any issuer that shares the keys would do, whomever it was made for.
  if (!issuer || !audience) throw wrong('--jwks needs --issuer and --audience: the required `iss` and `aud` of tokens')
  return { jwks, issuer, audience, roles: { claim: rolesClaim, scopes: true, as: undefined }, named: '--jwks' }
}

function wrong(message: string): Fault {
  return new Fault('WRONG_ARGUMENT', message, { exitCode: 2 })
}
