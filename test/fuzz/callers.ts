import type { Reference } from '../reference.ts'
import { PASSWORD } from '../reference.ts'
import type { CallerName } from './arbitrary-request.ts'
import type { Known } from './known.ts'
import type { Answer, Sent } from './sent.ts'

interface Account {
  readonly id: string
  readonly token: string
  readonly until: number
}

const GARBAGE = [
  'Bearer garbage',
  'Bearer ',
  'Bearer a.b.c',
  'Basic YTpi',
  'bearer',
  'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMSJ9.',
  'Bearer \xff',
]
/** Tokens live for 15 minutes. */
const FRESH_MS = 10 * 60_000

/** Changes of these leave an account as good as new; and a new one costs two password hashes. */
const HARMLESS = ['name', 'version', 'currentPassword']

/** Who asks. Accounts that a request has deleted or changed are made anew, by an admin that no request can name. */
export class Callers {
  readonly #api: Reference
  readonly #known: Known
  readonly #accounts = new Map<CallerName, Account>()
  #root: { token: string; until: number } | undefined
  #made = 0

  constructor(api: Reference, known: Known) {
    this.#api = api
    this.#known = known
    known.hide(api.admin.id)
    known.hide(api.admin.email)
  }

  /** The header of a caller. */
  async authorization(name: CallerName): Promise<string | undefined> {
    if (name === 'nobody') return undefined
    if (name === 'garbage') return GARBAGE[this.#made++ % GARBAGE.length]
    let account = this.#accounts.get(name)
    if (!account || account.until < Date.now()) account = await this.#make(name)
    return `Bearer ${account.token}`
  }

  /** Looks whether an account is still what it was. */
  after({ operation, params, headers, body }: Sent, { status }: Answer): void {
    if (status >= 300 || operation.method === 'GET') return
    const isSession = operation.template === '/users/{userId}/sessions/{id}'
    if (operation.template !== '/users/{id}' && !isSession) return
    const named = isSession ? params.userId : params.id
    const changed = Object.keys((body?.json?.value as object | undefined) ?? {})
    if (
      operation.method === 'PATCH' &&
      changed.every((name) => HARMLESS.includes(name) || Object.hasOwn(operation.readOnly, name))
    )
      return
    for (const [name, { id, token }] of this.#accounts)
      if (named === id || (named === 'me' && headers.authorization === `Bearer ${token}`)) this.#accounts.delete(name)
  }

  async #make(name: CallerName): Promise<Account> {
    const api = this.#api
    if (!this.#root || this.#root.until < Date.now())
      this.#root = { token: await api.logIn(api.admin.email), until: Date.now() + FRESH_MS }
    const email = `${name}.${crypto.randomUUID()}@fuzz.example`
    const body = { email, name, password: PASSWORD, role: name === 'admin' ? 'admin' : 'member' }
    const { status, body: user } = await api.ask('POST', '/v1/users', { token: this.#root.token, body })
    if (status !== 201) throw new Error(`no account for ${name}: ${status} ${JSON.stringify(user)}`)
    this.#known.learn(name, user)
    this.#known.learn(name, JSON.stringify({ email, password: PASSWORD }), 'users.login')
    const account = { id: user.id, token: await api.logIn(email), until: Date.now() + FRESH_MS }
    this.#accounts.set(name, account)
    return account
  }
}
