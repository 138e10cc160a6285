import { expect, test, vi } from 'vitest'
import { SmtpSink } from './smtp-sink.ts'
import { launcher, type SystemProcess } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

const { launch, folder } = launcher()
const PASSWORD = 'correct horse battery staple'
const NEW = 'quite another password'
const email = 'ann@example.com'

const start = async (env: Record<string, string>) =>
  launch('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: await folder(), LOG_LEVEL: 'info', ...env } })

function send(url: string, method: string, body: object) {
  return fetch(url, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

async function end(system: SystemProcess): Promise<string> {
  system.child.kill('SIGTERM')
  const { code, stdout, stderr } = await system.ended
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}

test('R-AUTH-6 R-OPS-3: in production mail goes by SMTP, and no secret of it is in the log', async () => {
  const smtp = new SmtpSink()
  const system = await start({ NODE_ENV: 'production', SMTP_URL: await smtp.open(), PUBLIC_URL: 'https://example.com' })
  const url = await system.url()
  await send(`${url}/users`, 'POST', { email, name: 'Ann', password: PASSWORD })
  const { token } = await smtp.mail(email)
  await send(`${url}/auth/password-resets`, 'POST', { email })
  const { token: resetToken, from } = await smtp.mail(email, 2)
  expect(from).toBe('no-reply@example.com')
  await smtp.close()
  // One that can't go out is told of, too.
  await send(`${url}/auth/email-verifications`, 'POST', { email })
  await system.line(/could not send a mail/)
  expect((await send(`${url}/auth/password-resets/${resetToken}`, 'PUT', { password: NEW })).status).toBe(200)
  expect((await send(`${url}/auth/password-resets/${resetToken}`, 'PUT', { password: NEW })).status).toBe(404)
  expect((await fetch(`${url}/dev/mails`)).status).toBe(404)
  const log = await end(system)
  expect(log).not.toMatch(/SMTP_URL|PUBLIC_URL/)
  for (const canary of [token, resetToken, PASSWORD, NEW, 'https://example.com/']) expect(log).not.toContain(canary)
})

test('R-AUTH-6: in production without SMTP_URL the start says once that mail waits', async () => {
  const system = await start({ NODE_ENV: 'production' })
  const url = await system.url()
  expect((await send(`${url}/users`, 'POST', { email, name: 'Ann', password: PASSWORD })).status).toBe(201)
  expect((await fetch(`${url}/dev/mails`)).status).toBe(404)
  const log = await end(system)
  expect(log.match(/SMTP_URL is not set/g)).toHaveLength(1)
  expect(log).not.toContain(email)
})

test('R-AUTH-6: in development mail is shown at /dev/mails and in the log, with links that work', async () => {
  const system = await start({})
  const url = await system.url()
  await send(`${url}/users`, 'POST', { email, name: 'Ann', password: PASSWORD })
  // The mail of a registration comes by its event: only who looks knows that it is there.
  await fetch(`${url}/dev/mails`)
  await send(`${url}/auth/password-resets`, 'POST', { email })
  const mails = (await (await fetch(`${url}/dev/mails`)).json()) as Record<string, any>[]
  expect(mails.map(({ to, subject }) => [to, subject])).toEqual([
    [email, 'Reset your password'],
    [email, 'Confirm your email address'],
  ])
  const [{ links, at, ...rest }] = mails as [Record<string, any>]
  expect(Object.keys(rest)).toEqual(['id', 'to', 'subject', 'text'])
  expect(new Date(at).toISOString()).toBe(at)
  expect(links).toEqual([expect.stringContaining(`${url}/auth/password-resets/`)])
  expect((await send(links[0], 'PUT', { password: NEW })).status).toBe(200)
  expect(await end(system)).toContain(links[0])
})
