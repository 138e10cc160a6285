import type { MailCarrier } from '../mail/mail.ts'

/** What a service sees of the world when it works of its own accord. */
export interface Outside {
  /** Undefined where mail cannot go out: in production without SMTP_URL. */
  readonly mail: MailCarrier | undefined
  /** Where the API is for those outside, without a slash at the end. */
  readonly publicUrl: string
}
