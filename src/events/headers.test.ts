import { expect, test } from 'vitest'
import { ANONYMOUS, serviceCaller, type UserCaller } from '../auth/caller.ts'
import { headersOf, originOf, validHeaders } from './headers.ts'

const trace = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', flags: '01', state: 'congo=t61rcWkgMzE' }
const user: UserCaller = {
  kind: 'user',
  id: 'usr_01h455vb4pex5vsknk084sn02q',
  email: 'ann@example.com',
  roles: [],
  sid: '',
  issuedAtMs: 0,
  expiresAtMs: 0,
}

test('R-EVT-6: what a request causes carries its id, its trace and who asked', () => {
  const origin = (caller: Parameters<typeof headersOf>[0]['caller'], actor?: string) =>
    originOf(headersOf({ requestId: 'mine', trace, caller, actor }))
  const read = { ...trace, parentId: expect.stringMatching(/^[\da-f]{16}$/) }
  expect(origin(user)).toEqual({ requestId: 'mine', trace: read, actor: 'user:usr_01h455vb4pex5vsknk084sn02q' })
  expect(origin(serviceCaller('orders'), 'user:usr_1').actor).toBe('user:usr_1')
  expect(origin(serviceCaller('orders')).actor).toBe('service:orders')
  expect(origin(ANONYMOUS).actor).toBeUndefined()
})

test.each([undefined, 'null', '"text"', '[]', '{"requestId":5,"traceparent":[],"actor":{}}'])(
  'R-EVT-6: headers %s say nothing, and hold up nothing',
  (text) => {
    expect(originOf(text)).toEqual({ requestId: undefined, trace: undefined, actor: undefined })
  },
)

test('R-EVT-6: what is not valid is dropped, and the rest is kept', () => {
  const traceparent = `00-${trace.traceId}-00f067aa0ba902b7-01`
  expect(validHeaders({ requestId: 'a\nb', traceparent, tracestate: 'ä', actor: 'user:usr_1' })).toEqual({
    traceparent,
    actor: 'user:usr_1',
  })
  expect(validHeaders({ requestId: 'x'.repeat(65), traceparent: 'no', tracestate: 'a=1', actor: 'a b' })).toEqual({})
})
