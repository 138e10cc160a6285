import { verifyPassword } from '../auth/index.ts'
import { change, type HandlerInput, invalid, Problem, read, readRow, type Unit } from '../service/index.ts'
import type { users } from './base.ts'
import { limitAccount } from './limit-account.ts'
import { voidPasswordTokens } from './mail-tokens.ts'
import { hashNew } from './passwords.ts'
import { endSessionsOfUser, revokeOtherRoles } from './sessions.ts'
import type { Setup } from './setup.ts'

interface Changes {
  email?: string
  name?: string
  roles?: string[]
  password?: string | null
  currentPassword?: string | null
}

/** PUT and PATCH: what a user changes of email and password needs their current password; an admin's changes of others do not. */
export const changeUser =
  ({ User }: Setup) =>
  async (
    { params, body, caller, expected, address }: HandlerInput<{ readonly id: string }, Changes>,
    unit: Unit<typeof users>,
  ) => {
    const { tx, read: db, emit, security } = unit
    const { password, currentPassword, ...values } = body
    const before = readRow(await read(db, User, params.id))
    const newPassword = password !== undefined && password !== null
    const bySelf = caller.kind === 'user' && caller.id === before.id
    if (bySelf && (differs(values.email, before.email) || newPassword)) {
      const given = required(currentPassword)
      // Whoever has a stolen token may guess no more than one who has none (R-RATE-1).
      await limitAccount({ userId: before.id, email: before.email, address }, unit)
      if (!(await verifyPassword(before.passwordHash ?? undefined, given, unit))) {
        security.rejected('password.wrong', { account: before.id })
        throw invalid('currentPassword', 'is wrong')
      }
    }
    const passwordHash = newPassword ? await hashNew(password, unit) : undefined
    // Hashing takes its time, and nothing is locked meanwhile: what the decision rests on must still stand.
    const held = readRow(await read(tx, User, params.id, 'for update'))
    if (bySelf && (held.passwordHash !== before.passwordHash || held.email !== before.email))
      throw new Problem('VERSION_CONFLICT')
    const newEmail = differs(values.email, held.email) ? values.email : undefined
    const user = await change(
      tx,
      User,
      params.id,
      {
        ...values,
        ...(newEmail !== undefined ? { emailVerifiedAt: null } : {}),
        ...(passwordHash === undefined ? {} : { passwordHash }),
      },
      expected,
    )
    if (newPassword) {
      await endSessionsOfUser(params.id, unit)
      await voidPasswordTokens(params.id, unit)
      security.done('password.changed', { account: params.id })
    }
    if (values.roles !== undefined) {
      await revokeOtherRoles(params.id, values.roles, unit)
      noteRoles(params.id, held.roles, values.roles, unit)
    }
    emit('user.updated', user)
    if (newEmail !== undefined) {
      emit('user.email-changed', params.id, { email: newEmail })
      security.done('email.changed', { account: params.id })
    }
    return user
  }

function noteRoles(
  account: string,
  before: readonly string[],
  after: readonly string[],
  { security }: Unit<typeof users>,
) {
  const added = after.filter((role) => !before.includes(role))
  const removed = before.filter((role) => !after.includes(role))
  if (added.length > 0 || removed.length > 0) security.done('roles.changed', { account, added, removed })
}

/** Addresses compare without case. */
function differs(given: string | undefined, email: string): boolean {
  return given !== undefined && given.toLowerCase() !== email.toLowerCase()
}

function required(currentPassword: string | null | undefined): string {
  if (currentPassword === undefined || currentPassword === null)
    throw invalid('currentPassword', 'is required to change the email or the password')
  return currentPassword
}
