import { type CaughtMail, createCatcher } from '../mail/catcher.ts'
import type { MailCarrier } from '../mail/mail.ts'
import { createSmtp } from '../mail/smtp.ts'
import type { Log } from '../observe/log.ts'
import type { RunningServices } from './run-services.ts'
import type { Settings } from './settings.ts'
import type { Worker } from './workers/worker.ts'

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

/** What was caught. Whoever asked for a mail and then looks finds it: what is under way goes first. */
export function caughtMails(
  { byName }: RunningServices,
  caught: () => readonly CaughtMail[],
): () => Promise<readonly CaughtMail[]> {
  return async () => {
    // What one service makes known, another may mail.
    for (let i = 0; i < 2; i++) await Promise.all([...byName.values()].map((one) => one.idle()))
    return caught()
  }
}

/** The first worker of a machine sends the mails of all, or catches them. */
export function caughtElsewhere(
  { production, smtpUrl }: Settings,
  worker: Worker | undefined,
): (() => Promise<readonly CaughtMail[]>) | undefined {
  if (worker === undefined || worker.first || production || smtpUrl !== undefined) return undefined
  return () => worker.ask('mails') as Promise<readonly CaughtMail[]>
}
