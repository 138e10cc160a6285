import {
  event,
  issuerOperations,
  job,
  olderShape,
  operation,
  ownConsumer,
  resource,
  route,
  service,
  t,
  tokenIssuer,
} from 'lintel/contract'

const Email = t.email()
const Name = t.text({ min: 1, max: 255 }).example('Ada Lovelace')
const PASSWORD = 'correct horse battery staple'
const Password = t
  .text({ max: 1024 })
  .inputOnly()
  .optional()
  .describe('8 to 128 characters of any kind')
  .example(PASSWORD)
const Invite = t.boolean().inputOnly().optional().only('admin').describe('false: no mail is sent to the new user')
const Roles = t.list(t.oneOf('member', 'admin'), { min: 1, max: 2 }).default(['member']).only('admin')

export const User = resource('user', {
  id: 'usr',
  description: 'Who signs in.',
  owner: 'id',
  fields: {
    email: Email,
    name: Name,
    roles: Roles,
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
    filter: ['email', 'createdAt', { role: 'roles' }],
    sort: ['createdAt', 'name', 'email'],
    defaultSort: '-createdAt',
  },
  cached: true,
  access: {
    list: 'admin',
    get: 'owner | admin | service',
    create: 'public',
    replace: 'owner | admin',
    update: 'owner | admin',
    delete: 'owner | admin',
  },
  custom: ['create', 'replace', 'update', 'delete'],
  input: { create: { email: Email, name: Name, password: Password, roles: Roles, invite: Invite } },
})

export const Session = resource('session', {
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

const REFRESH_TOKEN = 'eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiJ0b2tfMDEifQ.c2lnbmF0dXJl'
const Tokens = {
  accessToken: t.text().example('eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfMDEifQ.c2lnbmF0dXJl'),
  refreshToken: t.text().example(REFRESH_TOKEN),
  tokenType: t.oneOf('Bearer'),
  expiresIn: t.integer().describe('Seconds').example(900),
}
const Verified = { email: t.email(), emailVerified: t.boolean() }
const RefreshToken = { refreshToken: t.text({ max: 8192 }).example(REFRESH_TOKEN) }

/** Where the link of a mail leads. GET shows the page and changes nothing; its form sends the POST. */
function mailPage<const P extends string>(path: P, description: string) {
  return route({
    methods: ['GET', 'POST'],
    path,
    access: 'public',
    credentials: 'own',
    signsIn: true,
    secret: true,
    body: { types: ['application/x-www-form-urlencoded'], maxBytes: 4096 },
    answers: { 200: 'text/html', 400: 'text/html', 404: 'text/html' },
    description,
  })
}

export const users = service('users', {
  resources: { users: User, sessions: Session },
  operations: {
    login: operation({
      method: 'POST',
      path: '/auth/login',
      status: 200,
      access: 'public',
      credentials: 'own',
      secret: true,
      limits: [{ by: 'ip', maxRequests: 10, windowMs: 60_000 }],
      body: { email: t.email(), password: t.text({ max: 1024 }).example(PASSWORD) },
      answer: Tokens,
      problems: ['INVALID_CREDENTIALS'],
    }),
    refresh: operation({
      method: 'POST',
      path: '/auth/refresh',
      status: 200,
      access: 'public',
      credentials: 'own',
      secret: true,
      body: RefreshToken,
      answer: Tokens,
      problems: ['INVALID_TOKEN', 'TOKEN_EXPIRED'],
    }),
    logout: operation({
      method: 'POST',
      path: '/auth/logout',
      status: 204,
      access: 'public',
      credentials: 'own',
      body: RefreshToken,
      problems: ['INVALID_TOKEN', 'TOKEN_EXPIRED'],
    }),
    requestEmailVerification: operation({
      method: 'POST',
      path: '/auth/email-verifications',
      status: 202,
      access: 'public',
      credentials: 'own',
      description:
        'Mails a link to confirm an address with, good for 24 hours, if a user has it and has yet to confirm it',
      body: { email: t.email() },
    }),
    verifyEmail: operation({
      method: 'PUT',
      path: '/auth/email-verifications/{token}',
      access: 'public',
      credentials: 'own',
      description: 'Confirms an address; the token is good once',
      answer: Verified,
      problems: ['NOT_FOUND'],
    }),
    requestPasswordReset: operation({
      method: 'POST',
      path: '/auth/password-resets',
      status: 202,
      access: 'public',
      credentials: 'own',
      description: 'Mails a link to set a new password with, good for an hour, if a user has this address',
      body: { email: t.email() },
    }),
    resetPassword: operation({
      method: 'PUT',
      path: '/auth/password-resets/{token}',
      access: 'public',
      credentials: 'own',
      description: 'Sets a password and ends every session; the token is good once',
      body: {
        password: t.text({ max: 1024 }).inputOnly().describe('8 to 128 characters of any kind').example(PASSWORD),
      },
      answer: Verified,
      problems: ['NOT_FOUND'],
    }),
    ...issuerOperations,
  },
  settings: {
    LINTEL_ADMIN_EMAIL: t.email().optional().describe('The first admin; with LINTEL_ADMIN_PASSWORD.'),
    LINTEL_ADMIN_PASSWORD: t.text().optional().hidden().describe('The password of the first admin.'),
  },
  routes: {
    confirmationPage: mailPage('/auth/email-verifications/{token}', 'Confirms an address, with a button'),
    passwordPage: mailPage('/auth/password-resets/{token}', 'Sets a password, in a form'),
  },
  buckets: { account: { maxRequests: 10, windowMs: 60_000, auth: true } },
  events: {
    'user.created': event(User),
    'user.updated': event(User),
    'user.email-changed': event({ email: t.email() }),
    'user.deleted': event({ id: t.id('usr') }),
    'session.ended': event({ userId: t.id('usr') }),
  },
  consumers: {
    mails: ownConsumer(['user.created', 'user.email-changed'], { start: 'now' }),
  },
  jobs: {
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
  },
  latest: 2,
  older: {
    1: {
      shapes: {
        users: olderShape({
          without: ['roles'],
          added: { role: t.oneOf('member', 'admin').default('member').only('admin') },
          up: ({ role, ...rest }) => (role === undefined ? rest : { ...rest, roles: [role] }),
          down: ({ roles, ...rest }) => ({
            ...rest,
            role: Array.isArray(roles) && roles.includes('admin') ? 'admin' : 'member',
          }),
        }),
      },
    },
  },
})

export const accessTokens = tokenIssuer(users, {
  issuer: 'lintel/users',
  audience: 'lintel',
  revokedBy: ['session.ended', 'user.updated'],
})
