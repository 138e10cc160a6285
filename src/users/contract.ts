import {
  event,
  type Fields,
  issuerOperations,
  job,
  ownConsumer,
  resource,
  service,
  t,
  tokenIssuer,
} from '../contract/index.ts'
import { type Flow, operationsWithout, pagesWithout } from './flows.ts'
import { operations, PASSWORD } from './operations.ts'
import { checkOptions, type UsersOptions } from './options.ts'

/**
 * The contract of a users service: registration, sessions, mails, roles. To be implemented by `implementUsers` of
 * `lintel/users/service`. Options that don't go together are a Fault INVALID_CONTRACT.
 *
 * ```ts
 * export const { User, users, accessTokens } = usersContract({ roles: ['agent'], fields: { phone: t.text().optional() } })
 * ```
 */
export function usersContract<
  const R extends string = never,
  F extends Fields = {},
  const W extends Flow = never,
  const N extends string = never,
>(options: UsersOptions<R, F, W, N> = {}) {
  const { roles = [], filter = [], sort = [], without = [], latest = 1, older = {} } = options
  checkOptions(options)
  const fields = options.fields ?? ({} as F)
  const registers = !without.some((flow) => flow === 'registration')
  const Roles = t
    .list(t.oneOf<'member' | 'admin' | R>('member', 'admin', ...roles), { min: 1, max: 2 + roles.length })
    .default(['member'])
    .only('admin')
  const User = resource('user', {
    id: 'usr',
    description: 'Who signs in.',
    owner: 'id',
    fields: {
      email: Email,
      name: Name,
      roles: Roles,
      ...fields,
      emailVerified: t.boolean().computed(),
      password: Password,
      currentPassword: Password.describe('Needed from the user to change email or password'),
      passwordHash: t.text().nullable().hidden(),
      emailVerifiedAt: t.time().nullable().hidden(),
      invited: t.boolean().hidden(),
    },
    unique: ['email'],
    softDelete: true,
    list: {
      filter: ['email', 'createdAt', { role: 'roles' }, ...filter],
      sort: ['createdAt', 'name', 'email', ...sort],
      defaultSort: '-createdAt',
    },
    cached: true,
    access: {
      list: 'admin',
      get: 'owner | admin | service',
      create: registers ? 'public' : 'admin',
      replace: 'owner | admin',
      update: 'owner | admin',
      delete: 'owner | admin',
    },
    custom: ['create', 'replace', 'update', 'delete'],
    input: { create: { email: Email, name: Name, password: Password, roles: Roles, ...fields, invite: Invite } },
  })
  const Session = resource('session', {
    id: 'ses',
    description: 'Where a user is signed in, from a login to its logout.',
    parent: { of: User, field: 'userId' },
    nested: true,
    owner: 'userId',
    versioned: false,
    fields: { userId: t.id('usr').server(), expiresAt: t.time().server() },
    list: { sort: ['createdAt'], defaultSort: '-createdAt' },
    access: { list: 'owner | admin', get: 'owner | admin', delete: 'owner | admin' },
    custom: ['delete'],
  })
  const users = service('users', {
    resources: { users: User, sessions: Session },
    operations: { ...operations, ...operationsWithout(without), ...issuerOperations },
    routes: pagesWithout(without),
    settings,
    buckets: { account: { maxRequests: 10, windowMs: 60_000, auth: true } },
    events: {
      'user.created': event(User),
      'user.updated': event(User),
      'user.email-changed': event({ email: t.email() }),
      'user.deleted': event({ id: t.id('usr') }),
      'session.ended': event({ userId: t.id('usr') }),
    },
    consumers: { mails: ownConsumer(['user.created', 'user.email-changed'], { start: 'now' }) },
    jobs,
    latest,
    older,
  })
  const accessTokens = tokenIssuer(users, {
    issuer: options.issuer ?? 'lintel/users',
    audience: options.audience ?? 'lintel',
    revokedBy: ['session.ended', 'user.updated'],
    roles: ['member', 'admin', ...roles],
  })
  /** An access rule, its terms typed: `anyOf('owner', 'agent')` is `'owner | agent'`. */
  const anyOf = (...terms: (Term | R)[]): string => terms.join(' | ')
  return { User, Session, users, accessTokens, anyOf, without }
}

type Term = 'public' | 'authenticated' | 'owner' | 'service' | 'member' | 'admin'

const Email = t.email()
const Name = t.text({ min: 1, max: 255 }).example('Ada Lovelace')
const Password = t
  .text({ max: 1024 })
  .inputOnly()
  .optional()
  .describe('8 to 128 characters of any kind')
  .example(PASSWORD)
const Invite = t.boolean().inputOnly().optional().only('admin').describe('false: no mail is sent to the new user')

const settings = {
  LINTEL_ADMIN_EMAIL: t.email().optional().describe('The first admin; with LINTEL_ADMIN_PASSWORD.'),
  LINTEL_ADMIN_PASSWORD: t.text().optional().hidden().describe('The password of the first admin.'),
}

const jobs = {
  // A mail server may take a minute. 22 attempts take some six hours.
  sendMail: job({
    data: { address: t.email(), kind: t.oneOf('verification', 'reset', 'invitation') },
    attempts: 22,
    timeoutMs: 75_000,
    concurrency: 20,
  }),
  tidyMails: job({ everyMs: 600_000 }),
  // To go with the table `mails`, once no build posts into it any more.
  carryOldMails: job({ everyMs: 60_000 }),
}
