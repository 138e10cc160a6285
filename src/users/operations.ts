import { operation, route, t } from '../contract/index.ts'

export const PASSWORD = 'correct horse battery staple'
const REFRESH_TOKEN = 'eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiJ0b2tfMDEifQ.c2lnbmF0dXJl'
const Tokens = {
  accessToken: t.text().example('eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfMDEifQ.c2lnbmF0dXJl'),
  refreshToken: t.text().example(REFRESH_TOKEN),
  tokenType: t.oneOf('Bearer'),
  expiresIn: t.integer().describe('Seconds').example(900),
}
const Verified = { email: t.email(), emailVerified: t.boolean() }
const RefreshToken = { refreshToken: t.text({ max: 8192 }).example(REFRESH_TOKEN) }

/** What every users service offers. */
export const operations = {
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
}

/** What it may go without. */
export const flowOperations = {
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
    body: { password: t.text({ max: 1024 }).inputOnly().describe('8 to 128 characters of any kind').example(PASSWORD) },
    answer: Verified,
    problems: ['NOT_FOUND'],
  }),
}

/** Where the links of mails lead. */
export const pages = {
  confirmationPage: mailPage('/auth/email-verifications/{token}', 'Confirms an address, with a button'),
  passwordPage: mailPage('/auth/password-resets/{token}', 'Sets a password, in a form'),
}

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
