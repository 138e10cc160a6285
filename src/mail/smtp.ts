import { handled } from '../base/handled.ts'
import { either } from '../resilience/within.ts'
import { type Mail, type MailCarrier, MailRefused } from './mail.ts'

export interface SmtpOptions {
  /** Such as `smtp://user:password@mail.example.com:587`; STARTTLS where the server offers it, `smtps:` for TLS at once. */
  readonly url: string
  /** `no-reply@example.com` or `Shop <no-reply@example.com>`. */
  readonly from: string
}

/** A server that is slow at every step still ends within this; whoever retries must wait longer. */
export const SEND_TIMEOUT_MS = 60_000

/** Sends by SMTP. Nothing is connected before the first mail. */
export async function createSmtp({ url, from }: SmtpOptions): Promise<MailCarrier> {
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 5,
    // Trying again is the sender's, which does not forget when the process ends.
    maxRequeues: 0,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    idleTimeout: 10_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  // A pooled connection that is lost between mails says so here; the next mail makes another.
  transport.on('error', () => {})

  async function send({ to, subject, text, html, from: sender = from }: Mail, signal: AbortSignal): Promise<void> {
    const mail = {
      from: sender,
      // As an object it is one address whatever is in it, never a list.
      to: { name: '', address: to },
      subject,
      text,
      ...(html === undefined ? {} : { html }),
      // RFC 3834: no vacation notes, please.
      headers: { 'Auto-Submitted': 'auto-generated' },
    }
    const late = AbortSignal.timeout(SEND_TIMEOUT_MS)
    await either(signal, late, (both) => transport.sendMail({ ...mail, signal: both })).catch((error: SmtpError) => {
      throw isFinal(error) ? new MailRefused(error.message, { cause: error }) : error
    })
  }

  return { send: (mail, signal) => handled(send(mail, signal)), close: () => transport.close() }
}

interface SmtpError extends Error {
  readonly code?: string
  /** What the server said last. */
  readonly responseCode?: number
}

/**
 * Whether the server refused this very mail, by its addresses or its text, for good. That it does not let us in (530 and 535:
 * a wrong SMTP_URL) says nothing of the mail, which waits until it does.
 */
function isFinal({ code, responseCode = 0 }: SmtpError): boolean {
  const ofTheMail = code === 'EENVELOPE' || code === 'EMESSAGE'
  return ofTheMail && responseCode >= 500 && responseCode < 600 && responseCode !== 530 && responseCode !== 535
}
