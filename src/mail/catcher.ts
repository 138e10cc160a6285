import type { Log } from '../observe/log.ts'
import type { MailCarrier } from './mail.ts'

export interface CaughtMail {
  readonly id: number
  readonly to: string
  readonly subject: string
  readonly text: string
  /** Every link of the text. */
  readonly links: readonly string[]
  /** RFC 3339. */
  readonly at: string
}

export interface MailCatcher extends MailCarrier {
  /** Newest first. */
  caught(): readonly CaughtMail[]
}

const KEPT = 100

/** Keeps mail instead of sending it, and tells the log: for development, where the links may be seen (R-AUTH-6). */
export function createCatcher(log: Log): MailCatcher {
  const mails: CaughtMail[] = []
  let last = 0
  return {
    async send({ to, subject, text }) {
      const links = [...text.matchAll(/https?:\/\/\S+/g)].map(([link]) => link)
      mails.unshift({ id: ++last, to, subject, text, links, at: new Date().toISOString() })
      mails.length = Math.min(mails.length, KEPT)
      log.info({ to }, `mail to ${to}: ${[subject, ...links].join(' ')}`)
    },
    close() {},
    caught: () => [...mails],
  }
}
