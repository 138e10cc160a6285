import { hashPassword, passwordFault } from '../auth/index.ts'
import { type Command, Fault, findBy, insert, readEmail, type Unit } from '../service/index.ts'
import type { users } from './base.ts'
import type { Setup } from './setup.ts'

/** `lintel users create`: beside LINTEL_ADMIN_EMAIL the other way to a first admin (R-AUTH-7). */
export const createUser = (setup: Setup): Command<typeof users> => ({
  about:
    'Registers a user. The password is asked for, or read from a pipe; an admin’s may be in LINTEL_ADMIN_PASSWORD.',
  required: { '--email <address>': 'their address' },
  options: {
    '--name <name>': 'their name; the address unless given',
    '--admin': 'let them do everything',
  },
  async run(unit, { options: { email, name = email, admin }, readSecret }) {
    const address = typeof email === 'string' ? readEmail(email) : undefined
    if (address === undefined) throw wrong(`--email is "${email}": give an email address`)
    if (typeof name !== 'string' || name.length > 255) throw wrong('--name is too long: give at most 255 characters')
    const password = (admin && unit.settings.LINTEL_ADMIN_PASSWORD) || (await readSecret('Password'))
    if (password === '') throw wrong('No password was given: pipe one in, or set LINTEL_ADMIN_PASSWORD for an admin')
    const fault = passwordFault(password)
    if (fault) throw wrong(`The password ${fault}`)
    if (!(await addUser({ email: address, name, roles: admin ? ['admin'] : ['member'] }, password, unit, setup)))
      throw wrong(`${address} is already a user: nothing was changed`)
    return `${address} is ${admin ? 'an admin' : 'a user'} now`
  },
})

interface NewUser {
  readonly email: string
  readonly name: string
  readonly roles: string[]
}

/** Returns whether the address, in the spelling of readEmail, was free. */
export async function addUser(
  user: NewUser,
  password: string,
  { tx, emit }: Unit<typeof users>,
  { User }: Setup,
): Promise<boolean> {
  const known = await findBy(tx, User, { email: user.email })
  if (known.length > 0) return false
  emit('user.created', await insert(tx, User, { ...user, passwordHash: await hashPassword(password), invited: true }))
  return true
}

function wrong(message: string): Fault {
  return new Fault('WRONG_ARGUMENT', message, { exitCode: 2 })
}
