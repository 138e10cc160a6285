import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { ANONYMOUS, type Caller } from '../auth/caller.ts'
import { route, service } from '../contract/index.ts'
import { createRouteStreams } from './route-streams.ts'

const [news, report] = service('desk', {
  routes: {
    news: route({ methods: ['GET'], path: '/news', access: 'public', answers: { 200: 'text/event-stream' } }),
    report: route({ methods: ['GET'], path: '/report', access: 'public', answers: { 200: 'text/csv' } }),
  },
}).served as [any, any]

/** A stream that stays open until it is ended. */
function opened(
  streams: ReturnType<typeof createRouteStreams>,
  operation: any,
  address: string,
  caller: Caller = ANONYMOUS,
) {
  const aborting = new AbortController()
  const streaming = {
    caller,
    address,
    res: new EventEmitter() as ServerResponse,
    signal: aborting.signal,
    endStream: () => aborting.abort(),
  }
  const never: AsyncIterable<string> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }
  const ended = streams.send(operation, streaming, never, async (stream) => {
    for await (const _ of stream);
  })
  return { ...streaming, ended }
}

const asking = (address: string) => ({ caller: ANONYMOUS, address })
const code = (check: () => void) => {
  try {
    check()
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('R-P-6: of one route an address has 100 streams open, and all together 1,000', () => {
  const streams = createRouteStreams()
  for (let i = 0; i < 100; i++) opened(streams, news, 'a')
  expect([code(() => streams.check(news, asking('a'))), code(() => streams.check(news, asking('b')))]).toEqual([
    'RATE_LIMITED',
    undefined,
  ])
  expect(code(() => streams.check(report, asking('a')))).toBeUndefined()
  for (let i = 0; i < 900; i++) opened(streams, news, `b${i % 90}`)
  expect(code(() => streams.check(news, asking('c')))).toBe('SERVICE_UNAVAILABLE')
})

test('R-P-6: one that has ended makes room, also where its client has left while it waited', async () => {
  const streams = createRouteStreams()
  const all = Array.from({ length: 100 }, () => opened(streams, news, 'a'))
  expect(code(() => streams.check(news, asking('a')))).toBe('RATE_LIMITED')
  all[0]!.res.emit('close')
  await all[0]!.ended
  expect(code(() => streams.check(news, asking('a')))).toBeUndefined()
})

test('R-OPS-2: a drain ends what has no end of its own, and nothing else', async () => {
  const streams = createRouteStreams()
  const [endless, finite] = [opened(streams, news, 'a'), opened(streams, report, 'a')]
  streams.drain()
  await endless.ended
  expect(finite.signal.aborted).toBe(false)
  expect([code(() => streams.check(news, asking('a'))), code(() => streams.check(report, asking('a')))]).toEqual([
    'SERVICE_UNAVAILABLE',
    undefined,
  ])
  finite.endStream()
  await finite.ended
})

test('R-AUTH-2: what has no end of its own ends with the token by which it was asked for; a download goes on', async () => {
  const streams = createRouteStreams()
  const user = (expiresInMs: number): Caller => ({
    kind: 'user',
    id: 'usr_01h455vb4pex5vsknk084sn02q',
    email: 'ann@example.com',
    roles: [],
    sid: 'ses_01h455vb4pex5vsknk084sn02q',
    issuedAtMs: 0,
    expiresAtMs: Date.now() + expiresInMs,
  })
  const long = opened(streams, news, 'a', user(1e12))
  const download = opened(streams, report, 'a', user(10))
  await opened(streams, news, 'a', user(10)).ended
  expect([long.signal.aborted, download.signal.aborted]).toEqual([false, false])
  for (const one of [long, download]) one.endStream()
  await Promise.all([long.ended, download.ended])
})
