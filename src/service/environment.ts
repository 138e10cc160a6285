import { Fault } from '../base/errors.ts'
import type { MailCarrier } from '../mail/mail.ts'

/** What work outside a request may use: mail and the public URL. */
export interface Environment {
  /**
   * For the consumers and jobs that `mailers` of implement names: they wait while no mail can go out. To any other it rejects with
   * the Fault NOT_A_MAILER.
   */
  readonly mail: Mailer
  /** URL of the API for clients, without a slash at the end. */
  readonly publicUrl: string
}

export type Mailer = Pick<MailCarrier, 'send'>

/** What a process has of it. */
export interface Surroundings {
  /** Undefined where mail cannot go out: in production without SMTP_URL. */
  readonly mail: Mailer | undefined
  readonly publicUrl: string
}

/** What the handlers of a consumer or job get. */
export function environmentOf(key: string, mailers: readonly string[], { mail, publicUrl }: Surroundings): Environment {
  // Those that are named do not run without.
  return { mail: mailers.includes(key) && mail ? mail : notNamed(key), publicUrl }
}

function notNamed(key: string): Mailer {
  return {
    async send() {
      throw new Fault(
        'NOT_A_MAILER',
        `"${key}" sends mail: name it in \`mailers\` of implement, so that it waits while none can go out`,
      )
    },
  }
}
