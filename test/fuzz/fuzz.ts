import fc from 'fast-check'
import { type Draft, requestsOf } from './arbitrary-request.ts'
import type { Callers } from './callers.ts'
import { codeIn, faultsOf } from './check-answer.ts'
import type { Described, DescribedOperation } from './document.ts'
import type { Known } from './known.ts'
import { type AskMore, brokenPromises, nextPage, notLikeHead, placeOf } from './promises.ts'
import { readOnlyIn } from './read-only.ts'
import { type Answer, curl, type Sent, send, settle } from './sent.ts'

/** A system to be asked, and what is known of it. */
export interface Asked {
  readonly origin: string
  readonly callers: Callers
  readonly known: Known
}

export interface FuzzOptions {
  readonly seed: number
  /** Of each operation, on average. */
  readonly runs: number
  /** Look for a shorter request that shows the fault; true by default. */
  readonly shrink?: boolean
}

/** How often each operation gave each answer: `orders.orders.create 201`; and how often it took back what it had shown. */
export type Tally = Map<string, number>

/** Asks the system for what the document offers, and checks every answer against it. Throws with the shortest request that shows a fault. */
export async function fuzz(
  described: Described,
  asked: Asked,
  { seed, runs, shrink = true }: FuzzOptions,
): Promise<Tally> {
  const tally: Tally = new Map()
  const property = fc.asyncProperty(requestsOf(described), (draft) => ask(draft, described, asked, tally))
  assertPassed(await fc.check(property, { seed, numRuns: runs * described.operations.length, endOnFailure: !shrink }))
  return tally
}

/** The same with several requests under way at once, some of them the same one. */
export async function fuzzAtOnce(described: Described, asked: Asked, { seed, runs }: FuzzOptions): Promise<void> {
  const property = fc.asyncProperty(
    fc.array(requestsOf(described), { minLength: 1, maxLength: 4 }),
    fc.nat(4),
    async (drafts, copies) => {
      const requests: Sent[] = []
      for (const draft of [...drafts, ...Array<Draft>(copies).fill(drafts[0]!)])
        requests.push(await settleFor(draft, described, asked))
      const outcomes = await Promise.allSettled(requests.map((sent) => answerTo(sent, described, asked, 'at once')))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    },
  )
  assertPassed(await fc.check(property, { seed, numRuns: runs }))
}

function assertPassed({ failed, seed, numRuns, numShrinks, errorInstance }: fc.RunDetails<any>): void {
  if (!failed) return
  const { message } = errorInstance as Error
  throw new Error(
    `${message}\n  found by FUZZ_SEED=${seed}, request ${numRuns}, after ${numShrinks} steps of shrinking`,
  )
}

async function ask(draft: Draft, described: Described, asked: Asked, tally: Tally): Promise<void> {
  const { origin, callers, known } = asked
  const sent = await settleFor(draft, described, asked)
  const answer = await answerTo(sent, described, asked)
  const tookBack = answer.status === 200 && readOnlyIn(sent).length > 0
  for (const what of [answer.status, ...(tookBack ? [TOOK_BACK] : [])]) {
    const key = `${sent.operation.id} ${what}`
    tally.set(key, (tally.get(key) ?? 0) + 1)
  }
  const place = placeOf(answer, described)
  if (place) known.learn(sent.caller, place.path, place.template)

  const askMore: AskMore = async (method, url, token) => {
    const authorization = token && (await callers.authorization(token))
    const own = method === 'HEAD' ? sent.headers : onlyWho(sent.headers)
    return send(origin, { method, url, headers: authorization ? { authorization } : own, body: undefined })
  }
  const faults = await brokenPromises(sent, answer, described, askMore)
  if (draft.again && !sent.body) {
    faults.push(...(await notLikeHead(sent, answer, askMore)))
    const next = nextPage(sent, answer)
    const page = next && (await answerTo(next, described, asked))
    if (page && page.status !== 200) faults.push(`the next page, ${next.url}, answers ${page.status}`)
  }
  if (faults.length > 0) fail(sent, origin, answer, faults)
}

function onlyWho({ authorization }: Sent['headers']): Sent['headers'] {
  return authorization === undefined ? {} : { authorization }
}

async function settleFor(draft: Draft, described: Described, { origin, callers, known }: Asked): Promise<Sent> {
  const authorization = await callers.authorization(draft.caller)
  const sent = settle(draft, described, known, authorization)
  const repeats = draft.body && 'repeats' in draft.body ? Object.keys(draft.body.repeats) : []
  if (repeats.length === 0 && readOnlyIn(sent).length === 0) return sent
  return settle(draft, described, known, authorization, await standing(sent, origin))
}

/** What a change is of, as its caller is shown it; undefined where it is not. */
async function standing({ url, headers }: Sent, origin: string): Promise<unknown> {
  const [path] = url.split('?') as [string]
  const { status, json } = await send(origin, { method: 'GET', url: path, headers: onlyWho(headers), body: undefined })
  return status === 200 ? json : undefined
}

async function answerTo(
  sent: Sent,
  described: Described,
  { origin, known, callers }: Asked,
  how?: 'at once',
): Promise<Answer> {
  const answer = await send(origin, sent).catch((error) => fail(sent, origin, undefined, [error.message]))
  let faults = faultsOf(sent, answer, described)
  // Since it was looked at, another request may have changed what this one repeats, or deleted it.
  if (how === 'at once' && faults.length > 0 && sent.stands)
    faults = faultsOf({ ...sent, stands: (await standing(sent, origin)) ?? {} }, answer, described)
  if (faults.length > 0) fail(sent, origin, answer, faults)
  callers.after(sent, answer)
  if (answer.status < 300) {
    known.learn(sent.caller, answer.json)
    if (sent.body?.json) known.learn(sent.caller, JSON.stringify(sent.body.json.value), sent.operation.id)
  }
  if (answer.status === 204 && sent.method === 'DELETE') known.bury(Object.values(sent.params).at(-1)!)
  if (answer.headers.etag) known.learn(sent.caller, answer.headers.etag, 'etag')
  return answer
}

function fail(sent: Sent, origin: string, answer: Answer | undefined, faults: readonly string[]): never {
  const shown = answer ? `${answer.status} ${codeIn(answer) ?? ''} ${answer.text.slice(0, 1000)}` : 'none'
  throw new Error(
    [
      `${sent.operation.id}, asked by ${sent.caller}: ${faults.join('; ')}`,
      `  ${curl(origin, sent)}`,
      `  answer: ${shown}`,
    ].join('\n'),
  )
}

const TOOK_BACK = 'took back'

/** Operations that were never answered with success, or never refused: of these the run has proved little. */
export function unproven(tally: Tally, operations: readonly DescribedOperation[]): string[] {
  const answered = (id: string, classOf: string) => [...tally.keys()].some((key) => key.startsWith(`${id} ${classOf}`))
  return operations.flatMap(({ id, readOnly }) => [
    ...(answered(id, '2') ? [] : [`${id} never succeeded`]),
    ...(answered(id, '4') ? [] : [`${id} was never refused`]),
    ...(Object.keys(readOnly).length === 0 || answered(id, TOOK_BACK) ? [] : [`${id} never took back what it showed`]),
  ])
}
