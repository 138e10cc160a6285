import { expect, test } from 'vitest'
import { resource, service, t } from '../contract/index.ts'
import { implement } from '../service/index.ts'
import { usersContract } from '../users/contract.ts'
import { implementUsers } from '../users/service.ts'
import { system } from './define-system.ts'

const migrations = new URL('file:///nowhere/')
const provider = { jwks: 'https://login.example.com/jwks.json', issuer: 'https://login.example.com/', audience: 'shop' }

const notes = (owner: 'text' | 'id', access = 'owner | admin') => {
  const ownerId = owner === 'text' ? t.text({ max: 255 }).server() : t.id('usr').server()
  const Note = resource('note', {
    id: 'note',
    owner: 'ownerId',
    fields: { ownerId },
    access: { list: access, get: access },
  })
  return implement(service('notes', { resources: { notes: Note } }), {}, { migrations })
}

const faultOf = (auth: object, ...services: Parameters<typeof system>[0]['services']) => {
  try {
    system({ services: services.length > 0 ? services : [notes('text')], auth: auth as typeof provider })
  } catch (error) {
    return (error as Error).message.replace('The system is not valid: ', '')
  }
  return 'none'
}

test.each([
  [{ ...provider, roles: 'roles' }],
  [{ ...provider, audience: undefined, authorizedParties: ['https://app.example.com'] }],
  [{ ...provider, roles: { claim: 'realm_access.roles', as: { 'shop-admin': 'admin' } } }],
])('R-GW-2: %j is an identity provider', (auth) => {
  expect(faultOf(auth)).toBe('none')
})

test.each([
  [{ ...provider, jwks: undefined }, 'auth.jwks is undefined: give the URL of the keys of the identity provider'],
  [{ ...provider, issuer: '' }, 'auth.issuer is "": give what `iss` of its tokens is'],
  [{ ...provider, audience: undefined }, 'auth has neither `audience` nor `authorizedParties`'],
  [{ ...provider, authorizedParties: [] }, 'auth.authorizedParties must be a list of what `azp` of tokens may be'],
  [{ ...provider, role: 'roles' }, 'auth has the unknown member "role": did you mean "roles"?'],
  [{ ...provider, roles: { claim: 'roles' } }, 'auth.roles must be the name of a claim, or { claim:'],
  [
    { ...provider, roles: { claim: 'roles', as: { boss: 'amdin' } } },
    'notes.notes.list names the role "admin", which no token of this system carries: did you mean "amdin"?',
  ],
])('R-GW-2: half a configuration is refused: %j', (auth, message) => {
  expect(faultOf(auth)).toContain(message)
})

test('R-AUTH-8: a rule for owners who are ids of ours is refused, as no subject of an identity provider is one', () => {
  expect(faultOf(provider, notes('id'))).toBe(
    'notes.notes.list is open to the owner, whom note.ownerId names by an id: subjects of an identity provider are texts, so make it t.text({ max: 255 }).server()',
  )
  expect(faultOf(provider, notes('id', 'authenticated'))).toBe('none')
  expect(faultOf(provider, implementUsers(usersContract(), { migrations }))).toMatch(
    /^users\.users\.get is open to the owner, whom user\.id names by an id/,
  )
})
