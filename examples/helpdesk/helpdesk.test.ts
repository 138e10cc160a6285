import { createHmac } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PASSWORD, Reference, type User } from '../../test/reference.ts'
import helpdesk from './system.ts'

const SECRET = 'of the mail server'
const NOBODY = `usr_${'0'.repeat(26)}`
const api = new Reference()
let folder: string
let agent: User
let ann: User
let ben: User
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'helpdesk-'))
  await api.start({ HELPDESK_MAIL_SECRET: SECRET, HELPDESK_FILES: folder }, helpdesk)
  ;[ann, ben, agent] = [await api.user('Ann'), await api.user('Ben'), await api.user('Gus')]
  const roles = { token: api.admin.token, body: { roles: ['agent'] } }
  expect((await api.ask('PATCH', `/users/${agent.id}`, roles)).status).toBe(200)
  agent = await api.signIn(agent)
})
afterAll(async () => {
  await api.system?.stop()
  await rm(folder, { recursive: true })
})

const ask = (who: User, method: string, path: string, body?: unknown, headers = {}) =>
  api.ask(method, path, { token: who.token, body, headers })

async function ticket(owner = ann): Promise<string> {
  const made = await ask(owner, 'POST', '/users/me/tickets', { title: 'The printer is on fire' })
  expect(made).toMatchObject({ status: 201, body: { status: 'open', assigneeId: null, version: 1 } })
  return made.body.id
}

const close = (who: User, id: string, headers = {}) =>
  ask(who, 'POST', `/tickets/${id}/closures`, { reason: 'It is out' }, headers)

describe('a ticket', () => {
  test('is seen by its owner and by agents, and by nobody else', async () => {
    const id = await ticket()
    for (const [who, status] of [
      [ann, 200],
      [agent, 200],
      [ben, 403],
    ] as const)
      expect([who.email, (await ask(who, 'GET', `/tickets/${id}`)).status]).toEqual([who.email, status])
    expect((await api.ask('GET', `/tickets/${id}`)).status).toBe(401)
    expect((await ask(ben, 'GET', '/tickets')).body.data).toEqual([])
    expect((await ask(agent, 'GET', '/tickets?status=open')).body.data).toContainEqual(expect.objectContaining({ id }))
  })

  test('is resolved by an agent, reopened by its owner, and closed by neither without a reason', async () => {
    const id = await ticket()
    const become = (who: User, status: string) => ask(who, 'PATCH', `/tickets/${id}`, { status })
    expect((await become(ann, 'resolved')).status).toBe(403)
    expect((await become(agent, 'resolved')).body).toMatchObject({ status: 'resolved', version: 2 })
    expect((await become(ann, 'reopened')).body).toMatchObject({ status: 'reopened', version: 3 })
    expect((await become(agent, 'open')).body.error.code).toBe('INVALID_TRANSITION')
    expect((await become(agent, 'closed')).status).toBe(403)
    const { status, body } = await ask(ann, 'POST', `/tickets/${id}/closures`, { reason: '' })
    expect([status, body.error.details]).toEqual([400, [{ field: 'reason', message: 'must not be empty' }]])
  })

  test('is closed by its owner or an agent, once, in the version that was read', async () => {
    const [mine, other] = [await ticket(), await ticket()]
    expect((await close(ben, mine)).status).toBe(403)
    expect((await close(ann, mine, { 'if-match': '"7"' })).status).toBe(412)
    const closed = await close(ann, mine, { 'if-match': '"1"' })
    expect(closed).toMatchObject({ status: 200, body: { status: 'closed', closedFor: 'It is out', version: 2 } })
    expect(closed.headers.get('etag')).toBe('"2"')
    expect((await close(agent, other)).status).toBe(200)
    expect((await close(ann, mine)).body.error.code).toBe('INVALID_TRANSITION')
  })

  test('is assigned by an agent to an agent', async () => {
    const id = await ticket()
    const assign = (who: User, assigneeId: string) => ask(who, 'POST', `/tickets/${id}/assignments`, { assigneeId })
    expect((await assign(ann, agent.id)).status).toBe(403)
    for (const nobody of [ben.id, NOBODY]) expect((await assign(agent, nobody)).body.error.code).toBe('NO_AGENT')
    expect((await assign(agent, agent.id)).body.assigneeId).toBe(agent.id)
  })

  test('is closed by the service where it was resolved, and left alone for days', async () => {
    const [left, recent] = [await ticket(), await ticket()]
    for (const id of [left, recent])
      expect((await ask(agent, 'PATCH', `/tickets/${id}`, { status: 'resolved' })).status).toBe(200)
    const db = new pg.Client(api.system.databases.helpdesk)
    await db.connect()
    await db.query(`update tickets set updated_at = now() - interval '8 days' where id = lintel.uuid($1)`, [left])
    await db.query(`update lintel.work set due_at = now() where job = 'closeResolved'`)
    await db.query('notify lintel_events')
    await db.end()
    const stateOf = async (id: string) => (await ask(ann, 'GET', `/tickets/${id}`)).body.status
    await expect.poll(() => stateOf(left), { timeout: 20_000 }).toBe('closed')
    expect(await stateOf(recent)).toBe('resolved')
  })
})

describe('a comment', () => {
  test('is written by whoever sees the ticket, which has changed by it', async () => {
    const id = await ticket()
    const say = (who: User) => ask(who, 'POST', `/tickets/${id}/comments`, { text: 'It smells' })
    expect((await say(ann)).body).toMatchObject({ ticketId: id, authorId: ann.id, text: 'It smells' })
    expect((await say(agent)).status).toBe(201)
    expect((await say(ben)).status).toBe(403)
    expect((await ask(ann, 'GET', `/tickets/${id}`)).body.version).toBe(3)
    expect((await ask(ann, 'GET', `/tickets/${id}/comments`)).body.data).toHaveLength(2)
    expect((await ask(ben, 'GET', `/tickets/${id}/comments`)).status).toBe(403)
    await close(ann, id)
    expect((await say(ann)).body.error.code).toBe('TICKET_CLOSED')
  })
})

describe('the report', () => {
  test('counts what was opened and closed in its range', async () => {
    const report = (from: string, to: string) => ask(agent, 'GET', `/ticket-reports?from=${from}&to=${to}`)
    const from = new Date(Date.now() - 1).toISOString()
    await close(ann, await ticket())
    await ticket()
    const to = new Date(Date.now() + 1).toISOString()
    expect((await report(from, to)).body).toEqual({ opened: 2, closed: 1 })
    expect((await report('2020-01-01', '2020-02-01')).body).toEqual({ opened: 0, closed: 0 })
  })

  test('says what is wrong with its range, and is for agents', async () => {
    const details = async (query: string) => (await ask(agent, 'GET', `/ticket-reports${query}`)).body.error.details
    expect(await details('')).toEqual([{ field: 'from', message: 'is required' }])
    expect(await details('?from=yesterday&until=now')).toMatchObject([{ field: 'until' }, { field: 'from' }])
    expect(await details('?from=2026-02-01&to=2026-01-01')).toEqual([{ field: 'to', message: 'must be after from' }])
    expect((await ask(ann, 'GET', '/ticket-reports?from=2026-01-01')).status).toBe(403)
  })
})

describe('an attachment', () => {
  const path = (id: string) => `${api.url}/tickets/${id}/attachments/smoke%20alarm.bin`
  const put = (who: User, id: string, body: Uint8Array<ArrayBuffer>) =>
    fetch(path(id), {
      method: 'PUT',
      headers: { authorization: `Bearer ${who.token}`, 'content-type': 'image/png' },
      body,
    })
  const get = (who: User, id: string) => fetch(path(id), { headers: { authorization: `Bearer ${who.token}` } })

  test('is kept as it was sent, for those who see the ticket, until another takes its place', async () => {
    const id = await ticket()
    for (const size of [3, 1_000_000]) {
      const bytes = new Uint8Array(size).fill(size % 251)
      expect((await put(ann, id, bytes)).status).toBe(204)
      const kept = await get(agent, id)
      expect([kept.status, kept.headers.get('content-disposition')]).toEqual([200, 'attachment'])
      expect(Buffer.from(await kept.arrayBuffer()).equals(bytes)).toBe(true)
    }
    expect((await ask(ann, 'GET', `/tickets/${id}/attachments`)).body.data).toMatchObject([
      { name: 'smoke alarm.bin', bytes: 1_000_000, version: 2 },
    ])
    expect([(await put(ben, id, new Uint8Array(1))).status, (await get(ben, id)).status]).toEqual([404, 404])
  })

  test('that is too large is a 413, of a closed ticket a 409, and leaves nothing', async () => {
    const id = await ticket()
    expect((await put(ann, id, new Uint8Array(5 * 1024 ** 2 + 1))).status).toBe(413)
    expect((await get(ann, id)).status).toBe(404)
    await close(ann, id)
    expect((await put(ann, id, new Uint8Array(1))).status).toBe(409)
    expect((await readdir(folder)).filter((name) => name.startsWith('new_'))).toEqual([])
  })
})

describe('a mail that comes in', () => {
  const sign = (body: string) => createHmac('sha256', SECRET).update(body).digest('hex')
  const post = (mail: object, signature = sign(JSON.stringify(mail))) =>
    api.ask('POST', '/inbound-mails', { body: mail, headers: { 'x-signature': signature } })

  test('is a comment of its sender, once', async () => {
    const ticketId = await ticket()
    const mail = { messageId: ticketId, ticketId, from: ann.email, text: 'Still burning', spamScore: 0.1 }
    for (let i = 0; i < 2; i++) expect((await post(mail)).status).toBe(204)
    const { body } = await ask(ann, 'GET', `/tickets/${ticketId}/comments`)
    expect(body.data).toMatchObject([{ authorId: ann.id, text: 'Still burning' }])
  })

  test('is refused with a wrong signature, from somebody else, or without its fields', async () => {
    const ticketId = await ticket()
    const mail = { messageId: ticketId, ticketId, from: ann.email, text: 'Still burning' }
    for (const signature of [sign('{}'), 'no hex', ''])
      expect((await post(mail, signature)).body.error.code).toBe('UNAUTHENTICATED')
    expect((await post({ ...mail, from: ben.email })).status).toBe(403)
    const { status, body } = await post({ ticketId: 'tkt_1', from: 'Ann' })
    expect(status).toBe(400)
    expect(body.error.details.map(({ field }: { field: string }) => field)).toEqual([
      'messageId',
      'ticketId',
      'from',
      'text',
    ])
  })
})

describe('the timeline', () => {
  async function follow(id: string, who: User, lastEventId = '') {
    const response = await fetch(`${api.url}/tickets/${id}/timeline`, {
      headers: { authorization: `Bearer ${who.token}`, 'last-event-id': lastEventId },
    })
    const pieces = response.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]()
    let text = ''
    return {
      response,
      /** The next event of this type. */
      async next(type: string) {
        const pattern = new RegExp(`id: (\\d+)\nevent: ${type}\ndata: (.*)\n\n`)
        while (!pattern.test(text)) {
          const { value, done } = await pieces.next()
          if (done) throw new Error(`no ${type} in ${text}`)
          text += value
        }
        const [, position = '', data = ''] = pattern.exec(text)!
        return { position, data: JSON.parse(data) }
      },
      text: () => text,
      leave: () => pieces.return?.(),
    }
  }

  test('tells those who see the ticket what happens, as it happens, and goes on where a client left', async () => {
    const id = await ticket()
    const first = await follow(id, ann)
    expect(first.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect((await first.next('ticket.created')).data.title).toBe('The printer is on fire')
    await ask(agent, 'POST', `/tickets/${id}/comments`, { text: 'Coming' })
    const { position, data } = await first.next('ticket.commented')
    expect(data.authorId).toBe(agent.id)
    await first.leave()

    await close(ann, id)
    const second = await follow(id, ann, position)
    expect((await second.next('ticket.closed')).data.closedFor).toBe('It is out')
    expect(second.text()).not.toContain('ticket.commented')
    await second.leave()
    expect((await ask(ben, 'GET', `/tickets/${id}/timeline`)).status).toBe(404)
  })

  test('begins anew for a client that says nothing sensible', async () => {
    const { next, leave } = await follow(await ticket(), ann, 'the last one')
    await next('ticket.created')
    await leave()
  })
})

const mails = async (): Promise<{ to: string; subject: string; text: string; links: string[] }[]> =>
  (await api.ask('GET', '/dev/mails')).body

describe('a user', () => {
  test('has a language, in every answer, and has mails in it', async () => {
    const email = 'uwe@example.com'
    const uwe = { email, name: 'Uwe', password: PASSWORD, language: 'de' }
    expect((await api.ask('POST', '/users', { body: uwe })).body).toMatchObject({ language: 'de', roles: ['member'] })
    const token = await api.logIn(email)
    expect((await api.ask('GET', '/users/me', { token })).body.language).toBe('de')
    expect((await api.ask('PATCH', '/users/me', { token, body: { language: 'fr' } })).status).toBe(400)
    const subjects = async () => (await mails()).filter(({ to }) => to === email).map(({ subject }) => subject)
    await expect.poll(subjects, { timeout: 20_000 }).toEqual(['E-Mail-Adresse bestätigen'])
    expect((await api.ask('PATCH', '/users/me', { token, body: { language: 'en' } })).body.language).toBe('en')
    await api.ask('POST', '/auth/password-resets', { body: { email } })
    await expect.poll(subjects, { timeout: 20_000 }).toContain('Reset your password')
  })
})

describe('a notice', () => {
  test('of the end of a ticket goes to its owner, at an address that is known to be theirs', async () => {
    const linkTo = async () => (await mails()).find(({ to }) => to === ann.email)?.links[0]
    await expect.poll(linkTo, { timeout: 20_000 }).toBeDefined()
    expect((await fetch((await linkTo()) ?? '', { method: 'PUT' })).status).toBe(200)
    for (const owner of [ben, ann]) await close(agent, await ticket(owner))
    const notices = async () => (await mails()).filter(({ text }) => text.startsWith('Your ticket'))
    await expect
      .poll(notices, { timeout: 20_000 })
      .toMatchObject([{ to: ann.email, text: 'Your ticket is closed: It is out\n' }])
  })
})
