/** A mail as a service writes it: plain text, to one address. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** What takes mail out of the house. */
export interface MailCarrier {
  /** Resolves when the mail is in other hands; a mail whose sending rejects is to be sent again. */
  send(mail: Mail, signal: AbortSignal): Promise<void>
  close(): void
}
