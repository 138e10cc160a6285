import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { BlockList } from 'node:net'
import { availableParallelism } from 'node:os'
import { readEmail } from '../base/email.ts'
import { addressOf } from '../data/connection.ts'
import { natsAddress } from '../events/nats-address.ts'
import type { CorsOrigins } from '../gateway/cors.ts'
import { isHeaderName } from '../http/header-name.ts'
import { trustedProxies } from '../limits/client-address.ts'
import { redisAddress } from '../redis/address.ts'

/** What a setting may be. */
export interface Kind<T> {
  /** The value; undefined where the text is none. */
  parse(text: string): T | undefined
  /** Ends the sentence "give …", and is the column "value" of docs/guide/settings.md. */
  readonly expected: string
  /** What may be shown of a wrong value, if it may hold a secret. */
  mask?(text: string): string
  /** What may be shown of a right value, if it may hold a secret. */
  show?(text: string): string
}

/**
 * A variable of the environment. Everything that knows settings is made from these: `readSettings`, `NAME_FILE`, what is
 * misspelt, `lintel config` and the table of docs/guide/settings.md.
 */
export interface Setting<T> {
  readonly kind: Kind<T>
  /** As it would be written. */
  readonly default?: string
  /** What holds where it is not set, for settings without a default. */
  readonly unset?: string
  readonly unit?: 'milliseconds' | 'seconds' | 'days'
  /** What it means, in one sentence. */
  readonly about: string
  /** False for what is decided before files are read. */
  readonly byFile?: false
}

/** Checked elsewhere, or everything will do. */
export function text(expected: string): Kind<string> {
  return { parse: (given) => given, expected }
}

/** Nothing of it is ever shown. */
export function secret(expected: string): Kind<string> {
  return { ...text(expected), mask: () => '"…" (masked)', show: () => HIDDEN }
}

export function whole(min: number, max: number, more = ''): Kind<number> {
  return {
    parse(given) {
      const value = /^\d{1,10}$/.test(given) ? Number(given) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
    expected: `a whole number from ${min} to ${max}${more}`,
  }
}

/** More than any one machine has use for: each has its own connections. */
const MOST_WORKERS = 128
const upToMost = whole(1, MOST_WORKERS)

/** How many processes share the work; `auto` is one for each core that this process may use. */
export const workers: Kind<number> = {
  parse: (given) => (given === 'auto' ? Math.min(availableParallelism(), MOST_WORKERS) : upToMost.parse(given)),
  expected: `auto, which is one for each core, or a whole number from 1 to ${MOST_WORKERS}`,
}

export function oneOf<T extends string>(...values: readonly T[]): Kind<T> {
  return { parse: (given) => values.find((value) => value === given), expected: `one of ${values.join(', ')}` }
}

export const proxies: Kind<BlockList> = {
  parse(given) {
    try {
      return trustedProxies(given)
    } catch {
      return undefined
    }
  },
  expected: 'addresses or networks such as 10.0.0.0/8, joined by commas',
}

export const origins: Kind<CorsOrigins> = {
  parse(given) {
    const all = given.split(',').map((one) => one.trim())
    if (all.length === 1 && all[0] === '*') return '*'
    return all.every(isOrigin) ? all : undefined
  },
  expected: 'origins such as https://app.example.com, without a path, joined by commas, or * for all',
}

export const headerNames: Kind<readonly string[]> = {
  parse(given) {
    const all = given.split(',').map((one) => one.trim())
    // A `*` would not mean every header: Authorization is never part of it.
    const right = (name: string) => isHeaderName(name) && name.length <= 100 && !name.includes('*')
    return all.length <= 100 && all.every(right) ? all : undefined
  },
  expected: 'names of headers such as X-Total-Count, joined by commas',
}

export const postgresUrl: Kind<string> = {
  parse(given) {
    try {
      // Without what the query may name, such as the file of a certificate: that has a Fault of its own.
      addressOf(given.split('?')[0]!)
      return given
    } catch {
      return undefined
    }
  },
  expected:
    'a URL such as postgresql://user:password@host:5432/postgres, with special characters of the password percent-encoded',
  mask: schemeOnly,
  show: withoutPassword,
}

export const smtpUrl: Kind<string> = {
  parse: (given) => (urlOf(given, ['smtp:', 'smtps:']) ? given : undefined),
  expected:
    'a URL such as smtp://user:password@mail.example.com:587 or smtps://…, with special characters of the password percent-encoded',
  mask: schemeOnly,
  show: withoutPassword,
}

export const natsUrl: Kind<string> = {
  parse: (given) => (natsAddress(given) ? given : undefined),
  expected:
    'a URL such as nats://user:password@host:4222 or tls://…, or several of one cluster joined by commas, with one scheme and one login, special characters of the password percent-encoded',
  mask: schemeOnly,
  show: (given) => given.split(',').map(withoutPassword).join(),
}

export const redisUrl: Kind<string> = {
  parse: (given) => (redisAddress(given) ? given : undefined),
  expected:
    'a URL such as redis://user:password@host:6379 or rediss://…, with special characters of the password percent-encoded',
  mask: schemeOnly,
  show: withoutPassword,
}

/** Without a slash at the end. */
export const doorUrls: Kind<readonly URL[]> = {
  parse(given) {
    const urls = given.split(',').map(doorUrlOf)
    const right = urls.every((url) => url !== undefined)
    return right && new Set(urls.map(String)).size === urls.length ? urls : undefined
  },
  expected: 'the address of a service such as http://127.0.0.1:4001, several replicas joined by commas, each once',
  mask: firstWrongDoor,
}

/** Of a key that calls between processes are proven with. */
export const MIN_KEY_BYTES = 32

export const internalKeys: Kind<readonly string[]> = {
  parse(given) {
    const all = given.split(',').map((one) => one.trim())
    return all.length <= 2 && all.every((one) => Buffer.byteLength(one) >= MIN_KEY_BYTES) ? all : undefined
  },
  expected: `a secret of ${MIN_KEY_BYTES} bytes or more, or two joined by a comma`,
  mask: () => '"…" (masked)',
  show: () => HIDDEN,
}

/** Of the server; those between it and its authority follow it. */
export const certificate: Kind<string> = {
  parse: (given) => (succeeds(() => new X509Certificate(given)) ? given : undefined),
  expected: 'a certificate in PEM',
  mask: () => '"…" (no certificate in PEM)',
  show(given) {
    const { subject, subjectAltName, validTo } = new X509Certificate(given)
    return `${subjectAltName ?? subject}, valid until ${validTo}`
  },
}

export const privateKey: Kind<string> = {
  parse: (given) => (succeeds(() => createPrivateKey(given)) ? given : undefined),
  expected: 'a private key in PEM, without a passphrase',
  mask: () => '"…" (masked)',
  show: () => HIDDEN,
}

export const webUrl: Kind<string> = {
  parse(given) {
    const url = urlOf(given, ['http:', 'https:'])
    if (!url || url.search || url.hash || url.username) return undefined
    return url.href.replace(/\/+$/, '')
  },
  expected: 'a URL such as https://api.example.com',
}

export const collectorUrl: Kind<string> = {
  parse: (given) => (urlOf(given, ['http:', 'https:']) ? given : undefined),
  expected: 'a URL such as http://collector:4318',
  mask: schemeOnly,
  show: withoutPassword,
}

export const sender: Kind<string> = {
  parse(given) {
    const address = /^[^<>@\p{Cc}]+ <([^<>]+)>$/u.exec(given)?.[1] ?? given
    // The host of a private network may be one label.
    return readEmail(address.includes('.', address.indexOf('@')) ? address : `${address}.local`) ? given : undefined
  },
  expected: 'an address such as no-reply@example.com or Shop <no-reply@example.com>',
}

const HIDDEN = '***'

function succeeds(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

/** As browsers write it: lower case, no default port, no slash at the end. */
function isOrigin(given: string): boolean {
  return URL.canParse(given) && /^https?:/.test(given) && new URL(given).origin === given
}

function urlOf(given: string, protocols: readonly string[]): URL | undefined {
  const url = URL.canParse(given) ? new URL(given) : undefined
  return url && protocols.includes(url.protocol) && url.hostname !== '' ? url : undefined
}

function doorUrlOf(given: string): URL | undefined {
  const url = urlOf(given.trim(), ['http:', 'https:'])
  return url && !url.username && !url.password && !url.search && !url.hash ? url : undefined
}

/** Of several, where it is: the others are right, or as wrong. */
function firstWrongDoor(given: string): string {
  const all = given.split(',').map((one) => one.trim())
  const urls = all.map((one) => doorUrlOf(one)?.href)
  const at = urls.findIndex((url, i) => url === undefined || urls.indexOf(url) < i)
  const one = all[at] ?? given
  const shown = ADDRESS.test(one) ? `"${one}"` : schemeOnly(one)
  return all.length === 1 ? shown : `wrong in address ${at + 1} of ${all.length}, ${shown}`
}

/** Nothing that could be a password: a port is a number, and what is alone has one. */
const ADDRESS = /^([a-z][a-z+]*:\/\/[\w.-]*|([a-z]+:\/\/)?(\[[\da-f:]+\]|[\w.-]+):\d+)(\/[\w./-]*)?$/i

/** A password may begin anywhere behind it. */
function schemeOnly(given: string): string {
  return `"${/^[a-z]+:\/\//.exec(given)?.[0] ?? ''}…" (masked)`
}

/** A user without a password may be a token, as in nats://token@host; the query may have a password of its own (libpq). */
function withoutPassword(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined
  // With an @ behind the host a password has a slash in it: what is taken for host, port and path is some of it.
  if (!url || `${url.pathname}${url.search}${url.hash}`.includes('@')) return HIDDEN
  if (url.password !== '') url.password = HIDDEN
  else if (url.username !== '' && !url.protocol.startsWith('postgres')) url.username = HIDDEN
  for (const name of url.searchParams.keys())
    if (/pass|secret|token|key/i.test(name)) url.searchParams.set(name, HIDDEN)
  return url.href
}
