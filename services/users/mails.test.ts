import { createHash } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { databaseSettings } from '../../src/testing/system.ts'
import { deliverAgain, handledAll, holdBack } from '../../test/delivery.ts'
import { PASSWORD, reference } from '../../test/reference.ts'
import { SmtpSink } from '../../test/smtp-sink.ts'
import { launcher, until } from '../../test/system-process.ts'

const smtp = new SmtpSink()
const api = reference(async () => ({
  SMTP_URL: await smtp.open(),
  PUBLIC_URL: 'https://api.example.com/shop/',
  MAIL_FROM: 'Shop <hello@example.com>',
}))
let db: pg.Client
beforeAll(async () => {
  db = new pg.Client(api.system.databases.users)
  await db.connect()
})
afterAll(async () => {
  await db.end()
  await smtp.close()
})

const { run } = launcher()
/** A command beside the running system. */
const lintel = (...args: string[]) =>
  run('lintel', { args, env: { LOG_LEVEL: 'fatal', ...databaseSettings(api.system.databases) } })

let email: string
beforeEach(() => {
  email = `${crypto.randomUUID()}@example.com`
})

const NEW = 'quite another password'

const register = (body: object = {}, token?: string) =>
  api.ask('POST', '/users', { body: { email, name: 'Ann', password: PASSWORD, ...body }, token })
const ask = (what: 'email-verifications' | 'password-resets', address = email) =>
  api.ask('POST', `/auth/${what}`, { body: { email: address } })
const verify = (token: string) => api.ask('PUT', `/auth/email-verifications/${token}`)
const reset = (token: string, password: unknown = NEW) =>
  api.ask('PUT', `/auth/password-resets/${token}`, { body: { password } })
const logIn = async (password: string) => api.ask('POST', '/auth/login', { body: { email, password } })
const isVerified = async () =>
  (await api.ask('GET', `/users?email=${email}`, { token: api.admin.token })).body.data[0].emailVerified
const rowsFor = async (address: string) =>
  (
    await db.query(`select * from lintel.work where job = 'sendMail' and lower(data->>'address') = lower($1)`, [
      address,
    ])
  ).rows
/** A registered user, whose verification mail has come. */
const known = async () => {
  await register()
  return smtp.mail(email)
}

describe('verification', () => {
  test('R-AUTH-6: registration mails a link, and whoever puts it has a verified address', async () => {
    const { status, body } = await register()
    expect([status, body.emailVerified]).toEqual([201, false])
    const mail = await smtp.mail(email)
    expect(mail).toMatchObject({ subject: 'Confirm your email address', from: 'Shop <hello@example.com>' })
    expect(mail.link).toBe(`https://api.example.com/shop/auth/email-verifications/${mail.token}`)
    const answer = await verify(mail.token)
    expect([answer.status, answer.body]).toEqual([200, { email, emailVerified: true }])
    expect(await isVerified()).toBe(true)
    const { rows } = await db.query(
      `select data from lintel.outbox where aggregate_id = $1 and type = 'user.updated'`,
      [body.id],
    )
    expect(rows.map(({ data }) => [data.emailVerified, data.version])).toEqual([[true, 2]])
  })

  test('R-AUTH-6: a token is good once: of ten at the same time too, and looking at the link spends nothing', async () => {
    const { token } = await known()
    expect((await fetch(`${api.system.url}/auth/email-verifications/${token}`)).status).toBe(200)
    const answers = await Promise.all(Array.from({ length: 10 }, () => verify(token)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(404)])
  })

  test('FC-98: an earlier link stays good; after 24 hours none is; the answers are all the same', async () => {
    const first = await known()
    expect(await ask('email-verifications')).toMatchObject({ status: 202, body: undefined })
    const second = await smtp.mail(email, 2)
    const { rows } = await db.query('select expires_at - created_at as life from mail_tokens where email = $1', [email])
    expect(rows).toMatchObject([{ life: { days: 1 } }, { life: { days: 1 } }])
    expect((await verify(first.token)).status).toBe(200)
    await db.query('update users set email_verified_at = null where email = $1', [email])
    const used = await verify(first.token)
    await db.query(`update mail_tokens set expires_at = now() - interval '1 second' where email = $1`, [email])
    const [expired, unknown] = [await verify(second.token), await verify('unknown')]
    for (const { status, body } of [used, expired, unknown])
      expect([status, body.error.code, body.error.message]).toEqual([404, 'NOT_FOUND', 'Not found'])
    expect(await isVerified()).toBe(false)
  })

  test('R-USER-3: a new address is unverified and gets a mail; links that went to the old one are void', async () => {
    const { token } = await known()
    await verify(token)
    await ask('password-resets')
    const resetToOld = await smtp.mail(email, 2)
    const { accessToken } = (await logIn(PASSWORD)).body
    const newEmail = `new-${email}`
    const body = { email: newEmail, currentPassword: PASSWORD }
    expect((await api.ask('PATCH', '/users/me', { token: accessToken, body })).body.emailVerified).toBe(false)
    const mail = await smtp.mail(newEmail)
    expect((await reset(resetToOld.token)).status).toBe(404)
    expect((await verify(mail.token)).body).toEqual({ email: newEmail, emailVerified: true })
    // Nor did the old address hear of it.
    expect(smtp.to(email)).toHaveLength(2)
  })
})

describe('password reset', () => {
  test('R-AUTH-6 R-AUTH-4: sets the password, ends every session, verifies the address, and works once, within an hour', async () => {
    await known()
    const before = (await logIn(PASSWORD)).body
    expect(await ask('password-resets', email.toUpperCase())).toMatchObject({ status: 202, body: undefined })
    const { token, subject, link } = await smtp.mail(email, 2)
    expect([subject, link]).toEqual([
      'Reset your password',
      `https://api.example.com/shop/auth/password-resets/${token}`,
    ])
    const { rows } = await db.query(
      `select expires_at - created_at as life from mail_tokens where email = $1 and purpose = 'password'`,
      [email],
    )
    expect(rows).toMatchObject([{ life: { hours: 1 } }])

    const answer = await reset(token)
    expect([answer.status, answer.body]).toEqual([200, { email, emailVerified: true }])
    expect([(await logIn(PASSWORD)).status, (await logIn(NEW)).status]).toEqual([401, 200])
    expect((await api.ask('GET', '/users/me', { token: before.accessToken })).status).toBe(401)
    const refreshed = await api.ask('POST', '/auth/refresh', { body: { refreshToken: before.refreshToken } })
    expect(refreshed.status).toBe(401)
    expect((await reset(token, 'yet another password')).status).toBe(404)
    expect([(await logIn(NEW)).status, await isVerified()]).toEqual([200, true])
  })

  test('R-AUTH-5: a password that will not do is a 400 that names it, and spends nothing', async () => {
    await known()
    await ask('password-resets')
    const { token } = await smtp.mail(email, 2)
    for (const password of ['short', 'password', 'x'.repeat(129)]) {
      const { status, body } = await reset(token, password)
      expect([status, body.error.details[0].field]).toEqual([400, 'password'])
    }
    expect((await reset(token)).status).toBe(200)
    expect((await reset('unknown', 'short')).status).toBe(404)
  })

  test('R-AUTH-6: a token of one purpose is no good for the other, an expired one for nothing', async () => {
    const { token: verification } = await known()
    await ask('password-resets')
    const { token } = await smtp.mail(email, 2)
    expect([(await verify(token)).status, (await reset(verification)).status]).toEqual([404, 404])
    await db.query(`update mail_tokens set expires_at = now() - interval '1 second' where purpose = 'password'`)
    expect((await reset(token)).status).toBe(404)
    expect((await logIn(PASSWORD)).status).toBe(200)
  })

  test('R-AUTH-6: a reset link is void once the user has chosen a password, or is deleted', async () => {
    await known()
    await ask('password-resets')
    const first = await smtp.mail(email, 2)
    const token = (await logIn(PASSWORD)).body.accessToken
    await api.ask('PATCH', '/users/me', { token, body: { password: NEW, currentPassword: PASSWORD } })
    expect((await reset(first.token)).status).toBe(404)
    await ask('password-resets')
    const second = await smtp.mail(email, 3)
    await api.ask('DELETE', '/users/me', { token: (await logIn(NEW)).body.accessToken })
    expect((await reset(second.token)).status).toBe(404)
  })

  test('R-USER-2: a user made without a password gets a link to set one, good for 24 hours', async () => {
    expect((await register({ password: undefined }, api.admin.token)).status).toBe(201)
    const { subject, token } = await smtp.mail(email)
    expect(subject).toBe('Set your password')
    const { rows } = await db.query('select expires_at - created_at as life from mail_tokens where email = $1', [email])
    expect(rows).toMatchObject([{ life: { days: 1 } }])
    expect((await reset(token)).body).toEqual({ email, emailVerified: true })
    expect((await logIn(NEW)).status).toBe(200)
    expect(smtp.to(email)).toHaveLength(1)
  })
})

describe('the page that a link leads to', () => {
  const at = (what: string, token: string) => `${api.system.url}/auth/${what}/${token}`
  /** What a browser sends when the form of the page is submitted, without a script. */
  const submit = (url: string, fields: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', body: new URLSearchParams(fields) })
  const titleIn = async (response: Response) => /<h1>(.*)<\/h1>/.exec(await response.text())?.[1]

  test('FC-22 R-AUTH-6: it shows a button, changes nothing by itself, and its form confirms the address, once', async () => {
    const { token, text } = await known()
    expect(text).toContain('open this link')
    const url = at('email-verifications', token)
    for (const method of ['GET', 'HEAD', 'GET']) {
      const { status, headers } = await fetch(url, { method })
      expect([
        status,
        headers.get('content-type'),
        headers.get('cache-control'),
        headers.get('referrer-policy'),
      ]).toEqual([200, 'text/html; charset=utf-8', 'no-store', 'no-referrer'])
    }
    const html = await (await fetch(url)).text()
    // A form without an action is sent to where its page was: behind the prefix of PUBLIC_URL too.
    expect(html).toContain('<form method="post"><button>Confirm</button></form>')
    expect(html).not.toContain(token)
    expect(html).not.toContain('<script')
    expect(await isVerified()).toBe(false)
    const confirmed = await submit(url)
    expect([confirmed.status, await titleIn(confirmed), await isVerified()]).toEqual([
      200,
      'Your email address is confirmed',
      true,
    ])
    const again = await submit(url)
    expect([again.status, await titleIn(again)]).toEqual([404, 'This link is no longer good'])
  })

  test('FC-22 R-AUTH-5: its form sets a password; one that will not do is said on the page, and spends nothing', async () => {
    await known()
    await ask('password-resets')
    const { token, text } = await smtp.mail(email, 2)
    expect(text).toContain('open this link')
    const url = at('password-resets', token)
    expect(await (await fetch(url)).text()).toContain('<input type="password" name="password"')
    for (const fields of [{}, { password: 'short' }, { password: 'password' }]) {
      const refused = await submit(url, fields as Record<string, string>)
      expect([refused.status, /role="alert">The password .+\.</.test(await refused.text())]).toEqual([400, true])
    }
    const done = await submit(url, { password: `${NEW} & more` })
    expect([done.status, await titleIn(done)]).toEqual([200, 'Your password is set'])
    expect([(await logIn(`${NEW} & more`)).status, (await logIn(PASSWORD)).status]).toEqual([200, 401])
    expect((await submit(url, { password: NEW })).status).toBe(404)
    expect((await submit(at('password-resets', 'unknown'), { password: 'short' })).status).toBe(404)
  })

  test('FC-22: its policy lets in its own style, and nothing else', async () => {
    const response = await fetch(at('password-resets', 'any'))
    const policy = response.headers.get('content-security-policy')!
    const style = /<style>(.*)<\/style>/.exec(await response.text())![1]!
    const hash = createHash('sha256').update(style).digest('base64')
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      "form-action 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
  })
})

describe('how many mails', () => {
  test('FC-98: sixty requests for one account are all 202, mail it five, and each link is good', async () => {
    await known()
    for (let i = 0; i < 60; i++) {
      const spelt = i % 2 === 0 ? email : email.toUpperCase()
      expect(await ask('password-resets', spelt)).toMatchObject({ status: 202, body: undefined })
      // Not so fast that one mail answers several.
      await until(async () => (await rowsFor(email)).length === 0)
    }
    const links = smtp.to(email).filter(({ subject }) => subject === 'Reset your password')
    expect(links).toHaveLength(5)
    expect(
      (await db.query('select 1 from mail_tokens where email = $1 and purpose = $2', [email, 'password'])).rowCount,
    ).toBe(5)
    expect((await reset(links[0]!.token)).status).toBe(200)
    // Whoever has just chosen a password is not undone by a link that somebody else may have asked for.
    expect((await reset(links[4]!.token)).status).toBe(404)
    // Mails of another purpose are counted apart.
    await db.query('update users set email_verified_at = null where email = $1', [email])
    await ask('email-verifications')
    expect((await smtp.mail(email, 7)).subject).toBe('Confirm your email address')
  })

  test('FC-98: an address gets another mail when a fifth of the hour has passed; the count is forgotten with the hour', async () => {
    await known()
    const count = () => db.query('select 1 from mail_allowances where address = $1', [email])
    const pass = (time: string) =>
      db.query('update mail_allowances set full_at = full_at - $2::interval where address = $1', [email, time])
    await db.query(`update mail_allowances set full_at = now() + interval '1 hour' where address = $1`, [email])
    const done = () => until(async () => (await rowsFor(email)).length === 0)
    await ask('email-verifications')
    await done()
    expect(smtp.to(email)).toHaveLength(1)
    await pass('12 minutes')
    await ask('email-verifications')
    await smtp.mail(email, 2)
    await done()
    await ask('email-verifications')
    await done()
    expect([smtp.to(email).length, (await count()).rowCount]).toEqual([2, 1])
    await pass('1 hour')
    // In ten minutes at the latest what is over is taken away.
    await db.query(`update lintel.work set due_at = now() where job = 'tidyMails'`)
    await db.query('notify lintel_events')
    await until(async () => (await count()).rowCount === 0)
  })

  test('FC-98: an account that moves from address to address mails nobody more than that either', async () => {
    await known()
    const token = (await logIn(PASSWORD)).body.accessToken
    const victim = `victim-${email}`
    for (let i = 0; i < 16; i++) {
      const body = { email: i % 2 === 0 ? victim : email, currentPassword: PASSWORD }
      expect((await api.ask('PATCH', '/users/me', { token, body })).status).toBe(200)
      // Later ones may find on their way that the account has moved on.
      if (i === 0) await smtp.mail(victim)
    }
    await handledAll(api.system, 'users.mails', 'users', ['user.created', 'user.email-changed'])
    email = `last-${email}`
    await known()
    expect(smtp.to(victim).length).toBeGreaterThan(0)
    expect(smtp.to(victim).length).toBeLessThanOrEqual(5)
  })
})

describe('who gets mail', () => {
  test('R-AUTH-6: asking for an address that nobody has is a 202 too, and mails nothing', async () => {
    const nobody = `nobody-${email}`
    for (const what of ['email-verifications', 'password-resets'] as const)
      expect(await ask(what, nobody)).toMatchObject({ status: 202, body: undefined })
    expect((await ask('password-resets', 'no address')).status).toBe(400)
    await known()
    await until(async () => (await rowsFor(nobody)).length === 0)
    expect(smtp.to(nobody)).toEqual([])
    // It is counted as any other.
    const { rows } = await db.query('select purpose from mail_allowances where address = $1 order by 1', [nobody])
    expect(rows.map(({ purpose }) => purpose)).toEqual(['password', 'verification'])
  })

  test('R-AUTH-6: one who is verified is not asked to verify again', async () => {
    await verify((await known()).token)
    expect((await ask('email-verifications')).status).toBe(202)
    await ask('password-resets')
    expect((await smtp.mail(email, 2)).subject).toBe('Reset your password')
    expect(smtp.to(email)).toHaveLength(2)
  })

  test('R-AUTH-6: a registration that is refused mails nothing', async () => {
    await known()
    expect((await register({ email: email.toUpperCase() })).status).toBe(409)
    expect((await register({ email: `x-${email}`, password: 'short' })).status).toBe(400)
    email = `other-${email}`
    await known()
    expect(smtp.mails.filter(({ to }) => email.endsWith(to.toLowerCase()) && to !== email)).toHaveLength(1)
  })
})

describe('mails of events', () => {
  const handled = () => handledAll(api.system, 'users.mails', 'users', ['user.created', 'user.email-changed'])

  test('R-EVT-2: events that come twice mail once', async () => {
    await known()
    const { accessToken } = (await logIn(PASSWORD)).body
    const newEmail = `new-${email}`
    const body = { email: newEmail, currentPassword: PASSWORD }
    await api.ask('PATCH', '/users/me', { token: accessToken, body })
    await smtp.mail(newEmail)
    await deliverAgain(api.system, 'users.mails')
    // What is mailed after it has come, and so would have what is mailed twice.
    email = `last-${email}`
    await known()
    await handled()
    expect([smtp.to(newEmail).length, smtp.to(email).length]).toEqual([1, 1])
  })

  test('R-EVT-2 FC-98: a mail that could not be written six times is written in the end, and counted once', async () => {
    await db.query(
      `create function refuse_mail() returns trigger language plpgsql as $$ begin
         raise exception 'the disk is full' using errcode = '53100';
       end $$;
       create trigger refuse_mail before insert on lintel.work for each row execute function refuse_mail()`,
    )
    try {
      const { id } = (await register()).body
      await until(async () => {
        const due = `update lintel.inbox set due_at = least(due_at, now()) where aggregate_id = $1 returning attempts`
        return (await db.query(due, [id])).rows[0]?.attempts >= 6
      })
    } finally {
      await db.query('drop trigger refuse_mail on lintel.work; drop function refuse_mail()')
    }
    await smtp.mail(email)
    await handled()
    const { rows } = await db.query(
      `select full_at > now() + interval '12 minutes' as more from mail_allowances where address = $1`,
      [email],
    )
    expect([smtp.to(email).length, rows]).toEqual([1, [{ more: false }]])
  })

  test('R-AUTH-6: who is deleted before the mail is on its way gets none', async () => {
    const letIn = await holdBack(api.system, 'users.mails')
    const { id } = (await register()).body
    expect((await api.ask('DELETE', `/users/${id}`, { token: api.admin.token })).status).toBe(204)
    const gone = email
    await letIn()
    email = `last-${email}`
    await known()
    await handled()
    await until(async () => (await rowsFor(gone)).length === 0)
    expect(smtp.to(gone)).toEqual([])
  })

  test('R-AUTH-6: a user made by an admin is invited, unless the admin chose a password, which asks for the address alone', async () => {
    await register({ password: undefined }, api.admin.token)
    expect((await smtp.mail(email)).subject).toBe('Set your password')
    email = `other-${email}`
    await register({}, api.admin.token)
    expect((await smtp.mail(email)).subject).toBe('Confirm your email address')
  })

  test('FC-21 R-USER-2: an admin who says `invite: false` has no mail sent, also when the event comes twice', async () => {
    for (const password of [undefined, PASSWORD]) {
      email = `quiet-${email}`
      const { status, body } = await register({ password, invite: false }, api.admin.token)
      expect([status, 'invite' in body, 'invited' in body]).toEqual([201, false, false])
    }
    await deliverAgain(api.system, 'users.mails')
    const quiet = email
    email = `last-${email}`
    await known()
    await handled()
    expect(smtp.mails.filter(({ to }) => to.startsWith('quiet-'))).toEqual([])
    // They can ask for a link.
    await ask('password-resets', quiet)
    expect((await smtp.mail(quiet)).subject).toBe('Reset your password')
  })

  test('FC-21 R-USER-2: `invite` is an admin’s to say, in every version', async () => {
    const { accessToken } = (await known().then(() => logIn(PASSWORD))).body
    for (const invite of [true, false])
      for (const token of [undefined, accessToken])
        for (const version of ['v1', 'v2']) {
          const body = { email: `x-${email}`, name: 'Ann', password: PASSWORD, invite }
          const refused = await api.ask('POST', `/${version}/users`, { body, token })
          expect([refused.status, refused.body.error.details[0].field]).toEqual([403, 'invite'])
        }
    const update = await api.ask('PATCH', '/users/me', { body: { invite: false }, token: accessToken })
    expect([update.status, update.body.error.details[0].field]).toEqual([400, 'invite'])
  })
})

describe('sending', () => {
  const undelivered = async () =>
    (await db.query('select address, kind, attempts, reason from undelivered_mails where address = $1', [email])).rows

  test('FC-20: a 5yz of the mail server is final: the mail is tried once, and noted for the operator', async () => {
    for (const [i, code] of [550, 552, 553].entries()) {
      email = `${i}-${email}`
      smtp.refused.set(email, code)
      await register()
      await until(async () => (await undelivered()).length > 0)
      expect(await undelivered()).toEqual([
        { address: email, kind: 'verification', attempts: 1, reason: expect.stringContaining(String(code)) },
      ])
      expect([await rowsFor(email), smtp.asked.get(email)]).toEqual([[], 1])
    }
    const { stdout } = await lintel('mails', 'undelivered')
    expect(stdout).toMatch(new RegExp(`Z ${email} verification, after 1: .*553`))
    // Asking again is another mail: somebody may have made room.
    smtp.refused.delete(email)
    await ask('email-verifications')
    await smtp.mail(email)
  })

  test('FC-20: a 4yz is tried again', async () => {
    smtp.refused.set(email, 451)
    await register()
    await until(async () => (await rowsFor(email))[0]?.attempts > 1)
    smtp.refused.delete(email)
    await smtp.mail(email)
    expect(await undelivered()).toEqual([])
  })

  test('R-AUTH-6: while the mail server is down requests succeed, and later each mail comes once', async () => {
    await smtp.close()
    try {
      expect((await register()).status).toBe(201)
      await until(async () => (await rowsFor(email))[0]?.attempts > 0)
    } finally {
      await smtp.open()
    }
    expect((await verify((await smtp.mail(email)).token)).status).toBe(200)
    await until(async () => (await rowsFor(email)).length === 0)
    expect(smtp.to(email)).toHaveLength(1)
  })

  test('R-AUTH-6: a mail that a process of the build before has posted goes out, once, but not while that has it in hand', async () => {
    await known()
    const inHand = `in-hand-${email}`
    // As that build writes it.
    const post = (address: string, kind: string) =>
      db.query(
        `insert into mails (address, kind) select $1, $2
         on conflict (lower(address), (kind = 'verification')) do update
           set address = excluded.address, kind = excluded.kind, attempts = 0, due_at = now(), created_at = now()`,
        [address, kind],
      )
    await post(inHand, 'verification')
    await db.query(
      `update mails set attempts = attempts + 1, due_at = now() + interval '5 minutes' where address = $1`,
      [inHand],
    )
    await post(email, 'invitation')
    await post(email.toUpperCase(), 'reset')
    // It looks every minute.
    await db.query(`update lintel.work set due_at = now() where job = 'carryOldMails'`)
    await db.query('notify lintel_events')
    expect((await smtp.mail(email, 2)).subject).toBe('Reset your password')
    await until(async () => (await rowsFor(email)).length === 0)
    expect(smtp.to(email)).toHaveLength(2)
    const { rows } = await db.query('select address, attempts from mails')
    expect(rows).toEqual([{ address: inHand, attempts: 1 }])
    expect(await rowsFor(inHand)).toEqual([])
  })

  test('R-AUTH-6: a mail that nobody takes is given up in the end', async () => {
    await smtp.close()
    try {
      await register()
      await until(async () => (await rowsFor(email))[0]?.attempts > 0)
      await db.query(
        `update lintel.work set attempts = 21, due_at = now() where job = 'sendMail' and data->>'address' = $1`,
        [email],
      )
      await until(async () => (await rowsFor(email)).length === 0)
      expect(await undelivered()).toMatchObject([{ attempts: 22 }])
    } finally {
      await smtp.open()
    }
    expect(smtp.to(email)).toEqual([])
  })

  test('R-AUTH-6: no table holds a token, a link or a password, nor an event or a kept answer', async () => {
    const headers = { 'idempotency-key': 'once' }
    await api.ask('POST', '/users', { body: { email, name: 'Ann', password: PASSWORD }, headers })
    const { token } = await smtp.mail(email)
    await api.ask('POST', '/auth/password-resets', { body: { email }, headers })
    const { token: resetToken } = await smtp.mail(email, 2)
    const dump = async () => {
      const tables = ['lintel.outbox', 'lintel.idempotency_keys', 'lintel.work', 'mail_tokens', 'users', 'sessions']
      const rows = await Promise.all(tables.map((table) => db.query(`select t::text as row from ${table} t`)))
      return rows.flatMap(({ rows }) => rows.map(({ row }) => row)).join('\n')
    }
    const between = await dump()
    await verify(token)
    await reset(resetToken)
    const all = `${between}\n${await dump()}`
    expect(all).toContain(email)
    for (const canary of [token, resetToken, PASSWORD, NEW, '/auth/']) expect(all).not.toContain(canary)
  })
})
