import { type Html, html } from '../html.ts'
import type { Placed } from './operation.ts'
import type { Resolve } from './resolve.ts'

/**
 * How a reader gets a token that goes with every request: by the operation that takes an email address and a password and
 * answers with an access token, where there is one, or by pasting one. Nothing where no operation reads tokens.
 */
export function signInForm(operations: readonly Placed[], resolve: Resolve): Html | undefined {
  if (operations.every(({ operation }) => operation.security.length === 0)) return undefined
  const login = operations.find((one) => isLogin(one, resolve))
  return html`<details class="sign-in" id="sign-in">
<summary><span id="signed-in">Sign in</span></summary>
<div>
${
  login !== undefined &&
  html`<form id="sign-in-form" data-path="${login.path}">
<p><label for="sign-in-email">Email</label><input id="sign-in-email" type="email" autocomplete="username" required></p>
<p><label for="sign-in-password">Password</label><input id="sign-in-password" type="password" autocomplete="current-password" required></p>
<p><button>Sign in</button></p>
</form>`
}
<form id="token-form">
<p><label for="sign-in-token">${login === undefined ? 'Access token' : 'Or an access token'}</label><input id="sign-in-token" autocomplete="off" spellcheck="false" required></p>
<p><button class="quiet">Use this token</button></p>
</form>
<p><button type="button" class="quiet" id="sign-out" hidden>Sign out</button></p>
<p id="sign-in-says" role="status"></p>
</div>
</details>`
}

function isLogin({ method, operation }: Placed, resolve: Resolve): boolean {
  const body = operation.requestBody?.content['application/json']?.schema
  const answer = operation.responses[200]
  if (method !== 'POST' || body === undefined || answer === undefined) return false
  const shown = resolve(answer).content?.['application/json']?.schema
  const asked = [...(resolve(body).required ?? [])].sort()
  return asked.join() === 'email,password' && resolve(shown ?? {}).properties?.accessToken !== undefined
}
