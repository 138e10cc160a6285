import type { TokenIssuer } from '../contract/index.ts'
import type { User } from './base.ts'
import type { Flow } from './flows.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { MailTexts } from './mail-texts.ts'

/** What one users service is made of: what its handlers are told of it. */
export interface Setup {
  /** With own fields; `User` of base.ts lacks those, and does for ids and for what every users service has. */
  readonly User: typeof User
  readonly accessTokens: TokenIssuer
  readonly without: ReadonlySet<Flow>
  readonly lifetimes: Lifetimes
  readonly mails: MailTexts<typeof User>
}
