/** A mail as a service writes it, to one address. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  /** The same for those who read HTML; what stands in it is the service's to escape. */
  readonly html?: string
  /** Whom it is from; MAIL_FROM by default. */
  readonly from?: string
}

/** What takes mail out of the house. */
export interface MailCarrier {
  /** Resolves when the mail is in other hands. Rejects with MailRefused where it never will be; any other error may pass. */
  send(mail: Mail, signal: AbortSignal): Promise<void>
  close(): void
}

/** A mail server refused this mail for good (RFC 5321 4.2.1: 5yz). */
export class MailRefused extends Error {
  override name = 'MailRefused'
}
