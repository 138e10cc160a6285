import { flowOperations, pages } from './operations.ts'

/**
 * What a users service may go without: users who register themselves (admins then make them), users whom an admin makes without a
 * password (a mail invites them to set one), addresses that are confirmed, and passwords that are reset by mail.
 */
export type Flow = 'registration' | 'invitations' | 'emailVerification' | 'passwordReset'

export const FLOWS: readonly Flow[] = ['registration', 'invitations', 'emailVerification', 'passwordReset']

type Verification = 'requestEmailVerification' | 'verifyEmail' | 'confirmationPage'
/** Who is invited sets a password in the same way as who has forgotten one. */
type Password = 'resetPassword' | 'passwordPage'
/** Names of the operations and pages that are not there without the flows `W`. */
type Gone<W extends Flow> =
  | ('emailVerification' extends W ? Verification : never)
  | ('passwordReset' extends W ? 'requestPasswordReset' | ('invitations' extends W ? Password : never) : never)

/** The operations of the flows that are on. */
export function operationsWithout<W extends Flow>(without: readonly W[]): Omit<typeof flowOperations, Gone<W>> {
  return omit(flowOperations, gone(without))
}

/** The pages of the flows that are on. */
export function pagesWithout<W extends Flow>(without: readonly W[]): Omit<typeof pages, Gone<W>> {
  return omit(pages, gone(without))
}

function gone<W extends Flow>(without: readonly W[]): readonly Gone<W>[]
function gone(without: readonly Flow[]): readonly string[] {
  const off = (flow: Flow) => without.includes(flow)
  return [
    ...(off('emailVerification') ? ['requestEmailVerification', 'verifyEmail', 'confirmationPage'] : []),
    ...(off('passwordReset') ? ['requestPasswordReset'] : []),
    ...(off('passwordReset') && off('invitations') ? ['resetPassword', 'passwordPage'] : []),
  ]
}

/** `all` but those of these names. */
export function omit<T extends object, K extends PropertyKey>(all: T, names: readonly K[]): Omit<T, K>
export function omit(all: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)))
}
