import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export interface SunkMail {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  /** The one link of the text; empty without one. */
  readonly link: string
  /** The last part of the link. */
  readonly token: string
}

/** A real SMTP server that keeps what it is sent. */
export class SmtpSink {
  readonly mails: SunkMail[] = []
  /** What is said to RCPT TO of these addresses, instead of 250. */
  readonly refused = new Map<string, number>()
  /** How often each of those was asked for. */
  readonly asked = new Map<string, number>()
  #server: SMTPServer | undefined
  #port = 0
  #heard: (() => void)[] = []

  /** Listens, where it listened before if it did. */
  async open(): Promise<string> {
    const server = new SMTPServer({
      authOptional: true,
      // A client that keeps its connection for the next mail is cut off.
      closeTimeout: 10,
      disabledCommands: ['STARTTLS'],
      onRcptTo: ({ address }, _, done) => {
        const responseCode = this.refused.get(address)
        if (responseCode === undefined) return done()
        this.asked.set(address, (this.asked.get(address) ?? 0) + 1)
        done(Object.assign(new Error('we do not take that'), { responseCode }))
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          const to = session.envelope.rcptTo[0]!.address
          this.mails.push(parsed(to, Buffer.concat(chunks).toString()))
          done()
          for (const hear of this.#heard.splice(0)) hear()
        })
      },
    })
    this.#server = server
    const listening = server.listen(this.#port, '127.0.0.1')
    await once(listening, 'listening')
    this.#port = (listening.address() as AddressInfo).port
    return `smtp://127.0.0.1:${this.#port}`
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server?.close(() => resolve()))
  }

  to(address: string): SunkMail[] {
    return this.mails.filter(({ to }) => to === address)
  }

  /** The n-th mail to an address, once it has come. */
  async mail(address: string, n = 1): Promise<SunkMail> {
    for (;;) {
      const mail = this.to(address)[n - 1]
      if (mail) return mail
      await new Promise<void>((resolve) => this.#heard.push(resolve))
    }
  }
}

function parsed(to: string, raw: string): SunkMail {
  const end = raw.indexOf('\r\n\r\n')
  const head = raw.slice(0, end).replace(/\r\n[ \t]+/g, ' ')
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1] ?? ''
  const text = decoded(raw.slice(end + 4), header('Content-Transfer-Encoding'))
  const link = /https?:\/\/\S+/.exec(text)?.[0] ?? ''
  return { from: header('From'), to, subject: header('Subject'), text, link, token: link.split('/').at(-1)! }
}

function decoded(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString()
  if (encoding !== 'quoted-printable') return body
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
