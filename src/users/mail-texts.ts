import type { AnyResource, ShownOf } from '../contract/index.ts'

export type MailKind = 'verification' | 'reset' | 'invitation'

/** What a mail is about; `U` is the users' resource, own fields included. */
export interface MailFor<U extends AnyResource> {
  /** Whose it is. Whoever registers somebody else's address chooses what stands here: no text of theirs belongs in the mail. */
  readonly user: ShownOf<U>
  /** To the page of the service, which spends the token. */
  readonly link: string
  /** For a link to a page of one's own, which sends the token by PUT. */
  readonly token: string
  /** How long the token is good. */
  readonly hours: number
}

export interface MailText {
  readonly subject: string
  readonly text: string
  /** What stands in it is yours to escape. */
  readonly html?: string
  /** Whom it is from; MAIL_FROM by default. */
  readonly from?: string
}

/** Writes the mails of a users service; undefined: the usual text. */
export interface MailTexts<U extends AnyResource> {
  /** To confirm an address. */
  verification?(mail: MailFor<U>): MailText | undefined
  /** To choose a new password. */
  reset?(mail: MailFor<U>): MailText | undefined
  /** To set a first password, for users whom an admin has made. */
  invitation?(mail: MailFor<U>): MailText | undefined
}

/** Nothing that a user has written is in them: whoever registers somebody else's address must not choose what we mail there. */
export const USUAL: Readonly<Record<MailKind, (link: string, hours: number) => MailText>> = {
  verification: (link, hours) => ({
    subject: 'Confirm your email address',
    text: `An account was given this email address. To confirm that it is yours, open this link:

${link}

The link is good for ${inHours(hours)}, once. If it was not you, do nothing.
`,
  }),
  reset: (link, hours) => ({
    subject: 'Reset your password',
    text: `Somebody asked for a new password for your account. To choose one, open this link:

${link}

The link is good for ${inHours(hours)}, once. It ends every session. If it was not you, do nothing: your password stays as it is.
`,
  }),
  invitation: (link, hours) => ({
    subject: 'Set your password',
    text: `An account was made for you. To choose its password, open this link:

${link}

The link is good for ${inHours(hours)}, once. After that, ask for a password reset to get another.
`,
  }),
}

function inHours(hours: number): string {
  return hours === 1 ? 'one hour' : `${hours} hours`
}
