import { expect, test } from 'vitest'
import { environmentOf } from './environment.ts'

const publicUrl = 'http://localhost:3000/v1'
const mail = { send: async () => {} }
const letter = { to: 'ann@example.com', subject: 'Hello', text: 'Hello' }

test('R-EVT-3: a handler that `mailers` names has the carrier; another is told to be named, also where mail goes out', async () => {
  const signal = new AbortController().signal
  await environmentOf('confirmations', ['confirmations'], { mail, publicUrl }).mail.send(letter, signal)
  await expect(
    environmentOf('buyers', ['confirmations'], { mail, publicUrl }).mail.send(letter, signal),
  ).rejects.toMatchObject({ code: 'NOT_A_MAILER', message: expect.stringContaining('"buyers"') })
})
