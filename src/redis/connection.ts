import { halfJitterMs } from '../base/backoff.ts'
import { createRest } from '../base/rest.ts'
import { placeOf, type RedisAddress } from './address.ts'
import { type AnswerWatch, watchAnswers } from './answer-watch.ts'
import { type Argument, type Client, isErrorReply, openClient, type Reply } from './client.ts'
import { RedisUnavailable } from './redis-unavailable.ts'
import { isUnknownScript, type Script } from './script.ts'

/** The connection of a process to its Redis or Valkey, which comes and goes. */
export interface Redis {
  /** Whether commands are taken. Look first: while it is false each is rejected at once, which costs more than not to ask. */
  readonly up: boolean
  /** Why it is not up, as of the last attempt to connect: for the operator's eyes, as it may name hosts. */
  readonly trouble: string
  /** What every key begins with: systems may share a server. */
  readonly prefix: string
  /**
   * Sends a command. Rejects with RedisUnavailable when there is no server that answers in time, and with the server's own
   * error (`OOM …`, `WRONGTYPE …`) when it says no.
   */
  send(args: readonly Argument[]): Promise<Reply>
  /** As `send`, with strings as the bytes that they are. */
  sendForBytes(args: readonly Argument[]): Promise<Reply>
  /** Runs a script on these keys, each with the prefix already. */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply>
  /** Asks the server; never rejects, and is over in the time of one command. */
  health(): Promise<RedisHealth>
  /** Resolves once it is up; rejects with the signal's reason when that aborts first. */
  untilUp(signal: AbortSignal): Promise<void>
  readonly figures: RedisFigures
  /** Rejects what is under way; there is no way back. */
  close(): Promise<void>
}

export interface RedisHealth {
  readonly status: 'up' | 'down'
  /** Milliseconds. */
  readonly latency?: number
  readonly message?: string
}

/** Since the start. */
export interface RedisFigures {
  readonly commands: number
  /** Commands that were not answered: the server was gone, or silent for too long. */
  readonly unanswered: number
  /** Together, of all that were answered. */
  readonly seconds: number
  readonly connections: number
}

export interface RedisOptions {
  /** Of the system: names the connection, and is what keys begin with. */
  readonly name: string
  /**
   * After so long without an answer, a command is rejected and the connection made anew; 100. What asks in a request waits
   * no longer than a quarter more.
   */
  readonly timeoutMs?: number
  /** For connecting and logging in; 2,000. */
  readonly connectTimeoutMs?: number
  /** Called with a line when the server is lost or can't be reached, and when it is back. */
  log?(line: string): void
}

/** Between two attempts to connect at most. */
export const LONGEST_PAUSE_MS = 2_000
const BACKOFF = { baseMs: 100, maxMs: LONGEST_PAUSE_MS }
/** A connection that lasted so long was a good one: after it, the first attempt is made soon. */
const GOOD_MS = 10_000
/** Far more than the requests of one process ask at once. */
const MOST_IN_FLIGHT = 20_000

/**
 * Connects to a server, and again whenever the connection breaks, for ever. Connecting begins at once and in the background.
 *
 * One that is gone, frozen or slow costs its callers at most `timeoutMs` each, once: then the connection is closed, and until
 * another one has answered a first question in time, nothing is sent.
 */
export function connectRedis(address: RedisAddress, options: RedisOptions): Redis {
  const { name, timeoutMs = 100, connectTimeoutMs = 2_000, log } = options
  const closing = new AbortController()
  const rest = createRest()
  const figures = { commands: 0, unanswered: 0, seconds: 0, connections: 0 }
  let line: Line | undefined
  let reason = 'not connected yet'
  /** Whether a line has said that it can't be used. */
  let told = false
  let waiting: (() => void)[] = []

  /** Resolves with what ended the connection. */
  async function connectOnce(): Promise<Error> {
    let end!: (error: Error) => void
    const ended = new Promise<Error>((resolve) => {
      end = resolve
    })
    const client = await openClient(address, {
      name,
      timeoutMs: connectTimeoutMs,
      lost: (error) => opened.end(error),
    })
    const watch = watchAnswers(timeoutMs, () => opened.end(new Error(`no answer in ${timeoutMs} ms`)))
    const opened: Line = {
      client,
      watch,
      broken: undefined,
      end(error) {
        opened.broken ??= error
        end(error)
        client.destroy()
      },
    }
    try {
      const refused = await Promise.race([ended, greet(opened)])
      if (refused !== undefined) return refused
      if (told) log?.(`Redis at ${placeOf(address)} can be used again`)
      told = false
      figures.connections++
      line = opened
      for (const resolve of waiting.splice(0)) resolve()
      return await ended
    } finally {
      line = undefined
      watch.stop()
      client.destroy()
    }
  }

  async function keepConnected(): Promise<void> {
    const { signal } = closing
    let attempt = 0
    while (!signal.aborted) {
      const begunMs = performance.now()
      const connectionsBefore = figures.connections
      const error = await connectOnce().catch((caught: Error) => caught)
      if (signal.aborted) break
      reason = reasonOf(error)
      const wasUp = figures.connections > connectionsBefore
      if (wasUp && performance.now() - begunMs >= GOOD_MS) attempt = 0
      if (!told) log?.(`Redis at ${placeOf(address)} can't be used (${reason}): trying again until it can`)
      told = true
      await rest.take(halfJitterMs(attempt++, BACKOFF), signal)
    }
  }

  function ask(how: 'send' | 'sendForBytes', args: readonly Argument[]): Promise<Reply> {
    if (line === undefined) return Promise.reject(new RedisUnavailable(`Redis can't be used: ${reason}`))
    if (line.watch.inFlight >= MOST_IN_FLIGHT)
      return Promise.reject(new RedisUnavailable('Redis has too many commands to answer already'))
    return answerOf(line, how, args)
  }

  /** Of `opened`, which need not be in use yet. */
  async function answerOf(opened: Line, how: 'send' | 'sendForBytes', args: readonly Argument[]): Promise<Reply> {
    const { client, watch } = opened
    const beganMs = performance.now()
    figures.commands++
    watch.sent()
    try {
      const reply = await client[how](args)
      figures.seconds += (performance.now() - beganMs) / 1000
      return reply
    } catch (error) {
      if (isErrorReply(error)) {
        // The server has become somebody's replica: the one to write to is elsewhere, by the same name.
        if (error.message.startsWith('READONLY')) opened.end(error)
        throw error
      }
      figures.unanswered++
      throw new RedisUnavailable(`Redis did not answer: ${reasonOf(opened.broken ?? error)}`, { cause: error })
    } finally {
      watch.answered()
    }
  }

  /** A first question, and whether this is a server that can be used; resolves with what is wrong with it. */
  async function greet(opened: Line): Promise<Error | undefined> {
    const [hello] = await Promise.all([
      answerOf(opened, 'send', ['HELLO']),
      // Rejected while the server loads its data, and while a script keeps it busy; HELLO is not.
      answerOf(opened, 'send', ['PING']),
    ])
    const { mode, role } = hello as { mode?: Reply; role?: Reply }
    if (mode === 'cluster')
      return new Error('it is a node of a cluster: give one server, or a proxy that behaves as one')
    if (role === 'replica' || role === 'slave') return new Error('it is a replica, which takes no writes')
    return undefined
  }

  const ended = keepConnected()

  return {
    get up() {
      return line !== undefined
    },
    get trouble() {
      return reason
    },
    prefix: `${name}:`,
    send: (args) => ask('send', args),
    sendForBytes: (args) => ask('sendForBytes', args),
    async run({ sha, source }, keys, args) {
      const given = [String(keys.length), ...keys, ...args]
      try {
        return await ask('send', ['EVALSHA', sha, ...given])
      } catch (error) {
        if (!isUnknownScript(error)) throw error
        return ask('send', ['EVAL', source, ...given])
      }
    },
    async health() {
      const beganMs = performance.now()
      try {
        await ask('send', ['PING'])
        return { status: 'up', latency: Math.round((performance.now() - beganMs) * 10) / 10 }
      } catch {
        // Not the reason: health is public, and an error's text may name hosts.
        return { status: 'down', message: 'the server does not answer' }
      }
    },
    untilUp(signal) {
      return new Promise((resolve, reject) => {
        if (line !== undefined) return resolve()
        if (signal.aborted) return reject(signal.reason)
        const abort = () => {
          waiting = waiting.filter((one) => one !== up)
          reject(signal.reason)
        }
        const up = () => {
          signal.removeEventListener('abort', abort)
          resolve()
        }
        signal.addEventListener('abort', abort, { once: true })
        waiting.push(up)
      })
    },
    figures,
    async close() {
      closing.abort()
      line?.end(new Error('closed'))
      await ended
    },
  }
}

/** A connection that is open. */
interface Line {
  readonly client: Client
  readonly watch: AnswerWatch
  /** Why it was closed. */
  broken: Error | undefined
  /** Closes the connection; the first reason counts. */
  end(error: Error): void
}

/** A refused connection by name that has several addresses is an AggregateError, whose own message is empty. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string }
  return message || code || String(error)
}
