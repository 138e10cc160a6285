import { setTimeout as delay } from 'node:timers/promises'
import type { SmtpSink } from '../smtp-sink.ts'
import { send, type Wired } from '../wire.ts'
import { normaliser } from './normalise.ts'
import type { Line, Step } from './step.ts'

/** What a script is played against. */
export interface Topology {
  /** Of every gateway: they are asked in turn. */
  readonly gateways: readonly string[]
  /** Where its mails go. */
  readonly mails: SmtpSink
  /** By the service's name. */
  readonly databases: Readonly<Record<string, string>>
}

/** A request and its answer, as texts that are equal where the answers mean the same. */
export interface Recorded {
  readonly request: string
  readonly answer: string
}

export interface Transcript {
  readonly exchanges: readonly Recorded[]
  /** Puts further texts in the terms of the exchanges. */
  normalise(text: string): string
}

/** Longer than anything takes that is promised within 5 s. */
const SETTLED_MS = 15_000
const ANSWERED_MS = 30_000

/** Sends one request after another, and records what came back. */
export async function play(script: readonly Line[], { gateways, mails }: Topology): Promise<Transcript> {
  const kept = new Map<string, string>()
  const normalise = normaliser()
  const exchanges: Recorded[] = []
  /** Who has asked until something was so: what is left in their bucket says how often that was. */
  const polled = new Set<string | undefined>()
  for (const [i, line] of script.entries()) {
    if ('mailTo' in line) {
      const { subject, token } = await inTime(`mail ${line.nth} to ${line.mailTo}`, mails.mail(line.mailTo, line.nth))
      kept.set(`${line.name}.mail`, token)
      exchanges.push({ request: `mail ${line.nth} to ${line.mailTo}`, answer: subject })
      continue
    }
    const ask = (n: number) =>
      inTime(`${line.method} ${line.path}`, sendStep(gateways[n % gateways.length]!, line, kept, i))
    let answer = await ask(i)
    for (let n = 1; n < (line.times ?? 1); n++) answer = await ask(i + n)
    const end = performance.now() + SETTLED_MS
    if (line.until !== undefined) polled.add(line.as)
    // The gateways learn of it by themselves: all of them have to.
    for (let n = 0, right = 0; line.until !== undefined && right < gateways.length && performance.now() < end; n++) {
      answer = await ask(n)
      right = answer.status === line.until ? right + 1 : 0
      if (right === 0) await delay(50)
    }
    for (const [name, path] of Object.entries(line.keeps ?? {})) kept.set(name, memberOf(answer.body, path))
    exchanges.push({
      request: `#${i} ${line.method} ${line.path.slice(0, 200)}${line.as === undefined ? '' : ` as ${line.as}`}`,
      answer: normalise(textOf(line, answer, polled.has(line.as))),
    })
  }
  return { exchanges, normalise }
}

/** Every request has a deadline: one that is not answered is a fault of the platform, and is named. */
async function inTime<T>(what: string, answer: Promise<T>): Promise<T> {
  const ended = new AbortController()
  const late = delay(ANSWERED_MS, undefined, { signal: ended.signal, ref: false }).then(() => {
    throw new Error(`${what} did not come within ${ANSWERED_MS / 1000} s`)
  })
  late.catch(() => {})
  return Promise.race([answer, late]).finally(() => ended.abort())
}

function sendStep(url: string, step: Step, kept: ReadonlyMap<string, string>, i: number): Promise<Wired> {
  const { method, path, as, headers = {}, body } = step
  const from = step.from ?? (ownAddress(step) ? `203.0.113.${i % 250}` : '198.51.100.1')
  const fill = (text: string) => text.replace(/\{([\w.]+)\}/g, (all, name) => kept.get(name) ?? all)
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  return send(url, method, fill(path), {
    headers: {
      'x-forwarded-for': from,
      ...(as !== undefined && { authorization: `Bearer ${kept.get(`${as}.token`)}` }),
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)])),
    },
    ...(text !== undefined && { body: fill(text) }),
  })
}

function ownAddress({ path, until }: Step): boolean {
  return path.startsWith('/auth/') || until !== undefined
}

/** Missing where the answer was another than the script expects: the comparison shows which. */
function memberOf(body: unknown, path: string): string {
  let value: any = body
  for (const name of path.split('.')) value = value?.[name]
  return typeof value === 'string' ? value : 'missing'
}

/** Their values depend on the clock and on the connection alone. */
const LEFT_OUT = new Set(['date', 'x-ratelimit-reset', 'connection', 'keep-alive'])
/** Buckets for signing in refill within seconds. */
const REFILLED = new Set(['x-ratelimit-remaining', 'retry-after'])

function textOf(step: Step, { status, headers, text, body }: Wired, polled: boolean): string {
  const encoded = headers['content-encoding'] !== undefined
  const shown = Object.entries(headers)
    .filter(([name]) => !LEFT_OUT.has(name) && !(encoded && name === 'content-length'))
    .map(([name, value]) => {
      if ((polled || step.path.startsWith('/auth/')) && REFILLED.has(name)) return `${name}: <refills>`
      // Cursors are a character longer or shorter, as the times in them are.
      if (name === 'content-length' && value === String(Buffer.byteLength(text)) && text !== '')
        return `${name}: <of the body>`
      // Of its text, which has ids and times.
      if (name === 'etag' && String(value).startsWith('W/')) return `${name}: <of the body>`
      if (name === 'ratelimit') return `${name}: ${String(value).replaceAll(/\b[rt]=\d+/g, '<refills>')}`
      if (name === 'retry-after' && Number(value) > 60) return `${name}: <long>`
      return `${name}: ${value}`
    })
    .sort()
  const content = encoded ? '<encoded>' : body === undefined ? text : JSON.stringify(body, undefined, 2)
  return [status, ...shown, '', content].join('\n')
}
