import { implement } from 'lintel/service'
import { changeUser } from './change-user.ts'
import { users } from './contract.ts'
import { createUser } from './create-user.ts'
import { deleteUser } from './delete-user.ts'
import { ensureFirstAdmin } from './first-admin.ts'
import { logIn } from './log-in.ts'
import { confirmationPage, passwordPage } from './mail-pages.ts'
import { mailNewAddress, mailNewUser } from './mail-users.ts'
import { registerUser } from './register-user.ts'
import { requestPasswordReset, resetPassword } from './reset-password.ts'
import { carryOldMails, sendMail, tidyMails } from './send-mail.ts'
import { endSession, logOut, refreshTokens, revocations } from './sessions.ts'
import { ensureSigningKey, publicKeys, rotateKeys } from './signing-keys.ts'
import { listUndelivered } from './undelivered-mails.ts'
import { requestEmailVerification, verifyEmail } from './verify-email.ts'

export default implement(
  users,
  {
    users: { create: registerUser, replace: changeUser, update: changeUser, delete: deleteUser },
    sessions: { delete: endSession },
    mails: { 'user.created': mailNewUser, 'user.email-changed': mailNewAddress },
    login: logIn,
    refresh: refreshTokens,
    logout: logOut,
    requestEmailVerification,
    verifyEmail,
    requestPasswordReset,
    resetPassword,
    confirmationPage,
    passwordPage,
    revocations,
    keys: publicKeys,
    sendMail,
    tidyMails,
    carryOldMails,
  },
  {
    migrations: new URL('./migrations/', import.meta.url),
    prepare: async (unit) => {
      // Replicas start together: one prepares, the rest find it done.
      await unit.tx.query(`select pg_advisory_xact_lock(hashtext('users.prepare'))`)
      await ensureSigningKey(unit.tx)
      return ensureFirstAdmin(unit)
    },
    mailers: ['sendMail'],
    commands: { 'users create': createUser, 'keys rotate': rotateKeys, 'mails undelivered': listUndelivered },
  },
)
