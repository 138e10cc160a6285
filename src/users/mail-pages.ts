import { createHash } from 'node:crypto'
import { isProblem, type RouteHandler } from '../service/index.ts'
import type { users } from './base.ts'
import { setPassword } from './reset-password.ts'
import type { Setup } from './setup.ts'
import { confirmAddress } from './verify-email.ts'

/** Where the link of a mail leads: opening it changes nothing, since scanners of mails open every link (FC-22). */
export const confirmationPage =
  (setup: Setup): RouteHandler<typeof users, 'confirmationPage'> =>
  async ({ method, params }, unit) => {
    if (method === 'GET') return page(200, 'Confirm your email address', button('Confirm'))
    return spending(async () => {
      await confirmAddress(params.token, unit, setup)
      return page(200, 'Your email address is confirmed', '<p>You can close this page.</p>')
    })
  }

export const passwordPage =
  (setup: Setup): RouteHandler<typeof users, 'passwordPage'> =>
  async ({ method, params, text }, unit) => {
    if (method === 'GET') return page(200, CHOOSE, passwordForm())
    const password = new URLSearchParams(text()).get('password') ?? ''
    return spending(async () => {
      await setPassword(params.token, password, unit, setup)
      return page(200, 'Your password is set', '<p>Every session has ended: sign in with it.</p>')
    })
  }

/** What can be wrong with a link is said on a page, too; for all else there is the usual answer. */
async function spending<T>(spend: () => Promise<T>) {
  try {
    return await spend()
  } catch (error) {
    if (isProblem(error, 'NOT_FOUND'))
      return page(404, 'This link is no longer good', '<p>It was used, or its time is over. Ask for another one.</p>')
    if (isProblem(error, 'VALIDATION_ERROR'))
      return page(400, CHOOSE, passwordForm(error.details?.map(({ message }) => message).join('; ')))
    throw error
  }
}

const CHOOSE = 'Choose a password'
const STYLE = [
  ':root{color-scheme:light dark}',
  'body{font:1.1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:4rem auto;padding:0 1rem}',
  'h1{font-size:1.6rem;line-height:1.25}',
  'input,button{font:inherit;box-sizing:border-box;min-height:2.75rem;padding:.25rem .75rem}',
  'input{width:100%}',
].join('')
const CSP = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** Nothing that anybody has written is in it, but what this service says of a password. */
function page<S extends 200 | 400 | 404>(status: S, title: string, content: string) {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${STYLE}</style>`
  return {
    status,
    headers: { 'content-security-policy': CSP },
    body: `<!doctype html><html lang="en"><head>${head}</head><body><main><h1>${title}</h1>${content}</main></body></html>\n`,
  }
}

/** Without an action a form goes to where its page was, behind any prefix of PUBLIC_URL. */
function button(label: string, fields = ''): string {
  return `<form method="post">${fields}<button>${label}</button></form>`
}

function passwordForm(fault?: string): string {
  const field = '<input type="password" name="password" autocomplete="new-password" minlength="8" required>'
  const told = fault === undefined ? '' : `<p role="alert">The password ${fault}.</p>`
  return told + button('Set password', `<p><label>New password, 8 to 128 characters<br>${field}</label></p>`)
}
