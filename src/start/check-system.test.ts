import { describe, expect, test } from 'vitest'
import { type ConsumerSpec, consumer } from '../contract/consumer.ts'
import type { AnyContract } from '../contract/contract.ts'
import { event } from '../contract/event.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { resource } from '../contract/resource.ts'
import { route } from '../contract/route.ts'
import { service } from '../contract/service.ts'
import { issuerOperations, tokenIssuer } from '../contract/token-issuer.ts'
import { implement, type Service } from '../service/implement.ts'
import { system } from './define-system.ts'
import { start } from './start.ts'
import type { System } from './system.ts'

const migrations = new URL('file:///nowhere/')
const note = (access: string, plural = 'notes') =>
  resource('note', { id: 'note', plural, fields: { text: t.text() }, access: { list: access, get: 'public' } })
const notes = (access = 'public', name = 'notes', plural = 'notes') =>
  service(name, { resources: { [plural]: note(access, plural) } })
/** Handlers that nobody calls. */
function served(contract: AnyContract): Service<any> {
  const handlers: Record<string, unknown> = {}
  for (const key of Object.keys({ ...contract.operations, ...contract.routes })) handlers[key] = async () => ({})
  for (const [key, { events }] of Object.entries<ConsumerSpec>(contract.consumers))
    handlers[key] = Object.fromEntries(Object.keys(events).map((type) => [type, async () => {}]))
  return implement(contract, handlers as never, { migrations })
}

const of = (...contracts: AnyContract[]) => ({ services: contracts.map(served) })

/** The Fault of a definition, and of a start of the same without `system()`, before any database is looked for. */
async function faultOf(options: Parameters<typeof system>[0]): Promise<string> {
  let fault: Error | undefined
  try {
    system(options)
  } catch (error) {
    fault = error as Error
  }
  const plain: System = { name: 'lintel', version: '1', auth: undefined, ...options }
  const atStart = start(plain, { DATABASE_URL: 'postgres://127.0.0.1:1/none', LOG_LEVEL: 'silent' })
  if (fault !== undefined) await expect(atStart).rejects.toThrow(fault.message)
  return fault === undefined ? 'none' : `${(fault as { code?: string }).code}: ${fault.message}`
}

describe('FC-5: who may sign in', () => {
  test.each(['admin', 'authenticated', 'admin | authenticated', 'admin | service'])(
    '"%s" in a system without auth',
    async (rule) => {
      expect(await faultOf(of(notes(rule)))).toMatch(
        /^INVALID_SYSTEM: .*notes\.notes\.list cannot be called by anybody: .*no `auth`\. Add it, or change the rule to `public` or `service`$/,
      )
    },
  )

  test('"public" and "service" need no auth', () => {
    for (const rule of ['public', 'public | admin', 'service']) expect(() => system(of(notes(rule)))).not.toThrow()
  })

  test('an auth of a service that is not in the system, or that is none', async () => {
    const idp = service('idp', { operations: issuerOperations })
    const auth = tokenIssuer(idp, { issuer: 'us', audience: 'us', revokedBy: [] })
    expect(() => system({ ...of(idp), auth })).not.toThrow()
    expect(await faultOf({ ...of(notes()), auth })).toMatch(/auth names the service "idp", which is not in this system/)
    const { kind: _, ...plain } = auth
    expect(await faultOf({ ...of(idp), auth: plain as never })).toMatch(
      /`auth` is no token issuer: give it what tokenIssuer\(users, …\) returns/,
    )
  })
})

test('FC-59: a consumer of a service that is not in the system, or of an event that it does not publish', async () => {
  const people = service('people', { events: { 'person.created': event({ name: t.text() }) } })
  const mailing = service('mailing', { consumers: { greetings: consumer(people, ['person.created']) } })
  expect(await faultOf(of(mailing))).toBe(
    'INVALID_SYSTEM: The system is not valid: mailing.consumers.greetings consumes events of "people", which is not in this system: add it to `services`',
  )
  expect(await faultOf(of(mailing, service('people', {})))).toMatch(
    /mailing\.consumers\.greetings consumes "person\.created", which the "people" of this system does not publish$/,
  )
  expect(() => system(of(mailing, people))).not.toThrow()
})

describe('FC-62: known before there is a database', () => {
  test('two services at one place', async () => {
    const fault = await faultOf(of(notes('public', 'one'), notes('public', 'two')))
    expect(fault).toMatch(/^ROUTE_CLASH: The services "one" and "two" both serve \/notes/)
  })

  test('FC-30: a resource where the gateway itself answers, or keeps the place; what is only like it is none', async () => {
    for (const plural of ['metrics', 'docs'])
      expect(await faultOf(of(notes('public', 'one', plural)))).toMatch(
        new RegExp(
          `^ROUTE_CLASH: The service "one" serves /${plural}, where the gateway itself answers\\. Give it another`,
        ),
      )
    for (const path of ['/health', '/dev/mails', '/_lintel/events', '/openapi.json', '/asyncapi.json']) {
      const one = operation({ method: 'GET', path, access: 'public', answer: { a: t.text() } })
      const contract = () => service('one', { operations: { one } })
      // Some of them are no names that a contract could have in any case.
      expect([
        path,
        await Promise.resolve()
          .then(contract)
          .then((made) => faultOf(of(made)), String),
      ]).toEqual([path, expect.stringMatching(/ROUTE_CLASH|R-REST-1/)])
    }
    for (const plural of ['healths', 'devices', 'documents'])
      expect(() => system(of(notes('public', 'one', plural)))).not.toThrow()
  })

  test('R-P-6: a route where the gateway itself answers, or where another service has something', async () => {
    const page = (path: string, name = 'one') =>
      service(name, {
        routes: { page: route({ methods: ['GET'], path, access: 'public', answers: { 200: 'text/html' } }) },
      })
    const own = [
      '/health',
      '/health/live',
      '/docs',
      '/metrics',
      '/openapi.json',
      '/asyncapi.json',
      '/dev/a',
      '/_lintel/a',
    ]
    for (const path of own)
      expect(await faultOf(of(page(path)))).toMatch(`ROUTE_CLASH: The service "one" serves ${path}, where the gateway`)
    expect(await faultOf(of(notes('public', 'two'), page('/notes')))).toMatch(
      /^ROUTE_CLASH: The services "two" and "one" both serve \/notes/,
    )
    expect(await faultOf(of(page('/a/{b}'), page('/a/{c}', 'two')))).toMatch(/^ROUTE_CLASH/)
    for (const path of ['/docs/a', '/.well-known/security.txt', '/robots.txt'])
      expect(() => system(of(page(path)))).not.toThrow()
  })

  test('names that are taken, and names that no database can have', async () => {
    expect(await faultOf(of(notes(), notes()))).toMatch(/two services are named "notes"/)
    for (const name of ['events', 'gateway', 'database', 'cache', 'queue', 'redis', 'nats', 'smtp', 'public'])
      expect([name, await faultOf(of(notes('public', name)))]).toEqual([
        name,
        expect.stringContaining(`a service is named "${name}", like `),
      ])
    expect(await faultOf({ ...of(notes()), name: 'My Shop' })).toMatch(
      /^DATABASE_NAME: "My Shop_notes" is not a valid database name/,
    )
  })

  test('FC-1: what is no service, and options that mean nothing', async () => {
    expect(await faultOf({ services: [notes() as never] })).toMatch(
      /services\[0\] is not a service: give what implement\(/,
    )
    expect(() => system({ servics: [] } as never)).toThrow(
      'The system is not valid: it has the unknown member "servics": did you mean "services"?',
    )
    expect(() => system({} as never)).toThrow('it needs a list of `services`')
  })

  test.each<[string, unknown, string]>([
    ['no object', 'a shop', '`about` must be an object'],
    ['an unknown member', { titel: 'Shop' }, '`about` has the unknown member "titel": did you mean "title"?'],
    ['a title that is no text', { title: 5 }, '`about.title` must be a text'],
    [
      'a contact that is a text',
      { contact: 'ada@example.com' },
      '`about.contact` must be an object of texts: name, url, email',
    ],
    ['a contact with more', { contact: { phone: '1' } }, '`about.contact` has the unknown member "phone"'],
    ['a license without a name', { license: { url: 'https://example.com' } }, '`about.license` needs a `name`'],
    ['a license in two ways', { license: { name: 'MIT', identifier: 'MIT', url: 'https://x' } }, 'give one of them'],
  ])('R-P-2: about with %s', async (_, about, message) => {
    expect(await faultOf({ services: [], about: about as never })).toContain(message)
  })
})

describe('R-AUTH-8: roles', () => {
  const issuing = service('users', {
    operations: issuerOperations,
    events: { 'session.ended': event({ userId: t.id('usr') }) },
  })
  const auth = tokenIssuer(issuing, { issuer: 'i', audience: 'a', revokedBy: [], roles: ['member', 'agent'] })

  test('one that no token carries is refused, with the one that was meant', async () => {
    expect(await faultOf({ ...of(issuing, notes('member | agnet')), auth })).toBe(
      'INVALID_SYSTEM: The system is not valid: notes.notes.list names the role "agnet", which no token of this system carries: did you mean "agent"?',
    )
    const fields = { text: t.text(), pinned: t.boolean().default(false).only('editor') }
    const access = { create: 'agent' }
    const only = service('notes', { resources: { notes: resource('note', { id: 'note', fields, access }) } })
    expect(await faultOf({ ...of(issuing, only), auth })).toMatch(
      /notes\.notes\.pinned names the role "editor".*: roles are member, agent$/,
    )
  })

  test('those of the tokens are fine, and so are services; where the issuer names none, so are all', async () => {
    for (const rule of ['agent', 'authenticated | member', 'service', 'agent | service'])
      expect(() => system({ ...of(issuing, notes(rule)), auth })).not.toThrow()
    const open = tokenIssuer(issuing, { issuer: 'i', audience: 'a', revokedBy: [] })
    expect(() => system({ ...of(issuing, notes('whatever')), auth: open })).not.toThrow()
  })
})
