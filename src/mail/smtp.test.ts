import { getEventListeners } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SmtpSink } from '../../test/smtp-sink.ts'
import { createSmtp } from './smtp.ts'

test('FC-75: sending mails leaves nothing behind in a signal that lives as long as the process', async () => {
  const joined = vi.spyOn(AbortSignal, 'any')
  const sink = new SmtpSink()
  const smtp = await createSmtp({ url: await sink.open(), from: 'no-reply@example.com' })
  onTestFinished(async () => {
    joined.mockRestore()
    smtp.close()
    await sink.close()
  })
  const { signal } = new AbortController()
  for (let i = 0; i < 10; i++) await smtp.send({ to: 'ann@example.com', subject: `${i}`, text: 'Hello' }, signal)
  expect(sink.mails).toHaveLength(10)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  expect(joined).not.toHaveBeenCalled()
})
