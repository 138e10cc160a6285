import type { MailCarrier } from '../mail/mail.ts'

/** What work outside a request may use: the mail carrier and the public URL. */
export interface Environment {
  /** Undefined where mail cannot go out: in production without SMTP_URL. */
  readonly mail: MailCarrier | undefined
  /** URL of the API for clients, without a slash at the end. */
  readonly publicUrl: string
}
