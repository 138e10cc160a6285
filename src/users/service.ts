import type { AnyResource } from '../contract/index.ts'
import { implement, type Service } from '../service/index.ts'
import { changeUser } from './change-user.ts'
import type { usersContract } from './contract.ts'
import { createUser } from './create-user.ts'
import { deleteUser } from './delete-user.ts'
import { ensureFirstAdmin } from './first-admin.ts'
import { type Flow, omit } from './flows.ts'
import { type Lifetimes, lifetimesOf } from './lifetimes.ts'
import { logIn } from './log-in.ts'
import { confirmationPage, passwordPage } from './mail-pages.ts'
import type { MailTexts } from './mail-texts.ts'
import { mailNewAddress, mailNewUser } from './mail-users.ts'
import { registerUser } from './register-user.ts'
import { requestPasswordReset, resetPassword } from './reset-password.ts'
import { carryOldMails, sendMail, tidyMails } from './send-mail.ts'
import { endSession, logOut, refreshTokens, revocations } from './sessions.ts'
import type { Setup } from './setup.ts'
import { ensureSigningKey, publicKeys, rotateKeys } from './signing-keys.ts'
import { listUndelivered } from './undelivered-mails.ts'
import { requestEmailVerification, verifyEmail } from './verify-email.ts'

export type { Lifetimes } from './lifetimes.ts'
export type { MailFor, MailText, MailTexts } from './mail-texts.ts'

/** What usersContract returns, whatever its roles and own fields, and whichever flows it goes without. */
export type Directory = Omit<ReturnType<typeof usersContract<string, {}, Flow, string>>, 'anyOf'>

export interface UsersServiceOptions<U extends AnyResource = Directory['User']> {
  /** Folder of the service's own SQL files, which add the columns of its own fields; none are needed without such. */
  readonly migrations: URL
  /** Texts of one's own for its mails. */
  readonly mails?: MailTexts<U>
  readonly lifetimes?: Partial<Lifetimes>
}

/**
 * Puts the handlers of a users service to its contract.
 *
 * ```ts
 * export default implementUsers(directory, { migrations: new URL('./migrations/', import.meta.url) })
 * ```
 */
export function implementUsers<D extends Directory>(
  directory: D,
  options: UsersServiceOptions<D['User']>,
): Service<Directory['users']> {
  const { User, users, accessTokens, without }: Directory = directory
  const { mails = {}, lifetimes = {}, migrations }: UsersServiceOptions = options
  const setup: Setup = {
    User,
    accessTokens,
    without: new Set(without),
    mails,
    lifetimes: lifetimesOf(lifetimes),
  }
  const change = changeUser(setup)
  return implement(
    users,
    {
      users: { create: registerUser(setup), replace: change, update: change, delete: deleteUser },
      sessions: { delete: endSession },
      mails: { 'user.created': mailNewUser(setup), 'user.email-changed': mailNewAddress(setup) },
      login: logIn(setup),
      refresh: refreshTokens(setup),
      logout: logOut,
      revocations: revocations(setup),
      keys: publicKeys,
      sendMail: sendMail(setup),
      tidyMails,
      carryOldMails,
      ...ofFlows(setup, users),
    },
    {
      migrations,
      baseMigrations: new URL('./migrations/', import.meta.url),
      prepare: async (unit) => {
        // Replicas start together: one prepares, the rest find it done.
        await unit.tx.query(`select pg_advisory_xact_lock(hashtext('users.prepare'))`)
        await ensureSigningKey(unit.tx)
        return ensureFirstAdmin(unit, setup)
      },
      mailers: ['sendMail'],
      commands: {
        'users create': createUser(setup),
        'keys rotate': rotateKeys(setup),
        'mails undelivered': listUndelivered,
      },
    },
  )
}

/** Handlers of the flows that are on. */
function ofFlows(setup: Setup, { operations, routes }: Directory['users']) {
  const all = {
    requestEmailVerification,
    verifyEmail: verifyEmail(setup),
    requestPasswordReset,
    resetPassword: resetPassword(setup),
    confirmationPage: confirmationPage(setup),
    passwordPage: passwordPage(setup),
  }
  return omit(
    all,
    Object.keys(all).filter((name) => !Object.hasOwn(operations, name) && !Object.hasOwn(routes, name)),
  )
}
