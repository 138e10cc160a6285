import { type CaughtMail, createCatcher } from '../mail/catcher.ts'
import type { MailCarrier } from '../mail/mail.ts'
import { createSmtp } from '../mail/smtp.ts'
import type { Log } from '../observe/log.ts'
import type { Settings } from './settings.ts'

export interface MailSetup {
  /** Undefined where mail cannot go out. */
  readonly carrier: MailCarrier | undefined
  /** What was caught instead of sent; undefined where nothing is. */
  readonly caught: (() => readonly CaughtMail[]) | undefined
}

/** Mail goes by SMTP; without SMTP_URL it is caught in development, and in production it waits where it was written. */
export async function setUpMail(settings: Settings, log: Log): Promise<MailSetup> {
  const { smtpUrl, mailFrom, production } = settings
  if (smtpUrl !== undefined) return { carrier: await createSmtp({ url: smtpUrl, from: mailFrom }), caught: undefined }
  if (production) return { carrier: undefined, caught: undefined }
  const catcher = createCatcher(log)
  return { carrier: catcher, caught: catcher.caught }
}
