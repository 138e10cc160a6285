import { expect, test } from 'vitest'
import { event, issuerOperations, operation, service, t, tokenIssuer } from './index.ts'

const idp = service('idp', {
  operations: issuerOperations,
  events: { 'session.ended': event({ userId: t.text() }) },
})
const OPTIONS = { issuer: 'us', audience: 'all', revokedBy: ['session.ended'] } as const
type Loose = Readonly<Record<string, unknown>>
const plain = (options: Loose) => ({ ...OPTIONS, ...options }) as never

test('R-AUTH-2: a token issuer says whose tokens they are, for those who issue and those who verify', () => {
  expect(tokenIssuer(idp, OPTIONS)).toEqual({ kind: 'token-issuer', service: idp, ...OPTIONS })
})

test('FC-5: one whose service lacks what verifying needs is a Fault at definition, and does not compile', () => {
  const { keys, revocations } = issuerOperations
  const half = service('idp', { operations: { keys } })
  // @ts-expect-error: it has no revocations
  expect(() => tokenIssuer(half, plain({}))).toThrow(
    'R-AUTH-2 tokenIssuer("idp") is of a service without the operation `revocations`: add ...issuerOperations to its operations',
  )
  const open = service('idp', { operations: { keys, revocations: { ...revocations, access: 'public' } } })
  // @ts-expect-error: everybody might read them
  expect(() => tokenIssuer(open, plain({}))).toThrow('without the operation `revocations`')
  const other = operation({ method: 'GET', path: '/keys', access: 'public', answer: { keys: t.text() } })
  const strange = service('idp', { operations: { keys: other, revocations } })
  // @ts-expect-error: its keys have another shape
  expect(() => tokenIssuer(strange, plain({}))).toThrow('without the operation `keys`')
})

test.each<[string, Loose]>([
  ['has "" as `issuer`: give what `iss` of its tokens is', { issuer: '' }],
  ['has 5 as `audience`: give what `aud` of its tokens is', { audience: 5 }],
  ['has "user.gone" in `revokedBy`, which is none of its events', { revokedBy: ['user.gone'] }],
  ['has no `revokedBy`', { revokedBy: undefined }],
  ['has the unknown member "audiense": did you mean "audience"?', { audiense: 'us' }],
])('FC-5: a token issuer that %s is a Fault at definition', (message, options) => {
  expect(() => tokenIssuer(idp, plain(options))).toThrow(message)
})

/** Compiled, and never run: what the types reject. */
export function notTyped() {
  // @ts-expect-error: it has no such event
  tokenIssuer(idp, { issuer: 'us', audience: 'all', revokedBy: ['session.endet'] })
}
