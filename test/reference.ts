import { afterAll, beforeAll, inject } from 'vitest'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'

export const PASSWORD = 'correct horse battery staple'
const ADMIN = 'admin@example.com'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** Parsed JSON, or the text where it is none. */
  readonly body: any
}

export interface Ask {
  token?: string | undefined
  body?: unknown
  headers?: Record<string, string>
}

export interface User {
  readonly id: string
  readonly email: string
  readonly token: string
}

/** The reference system, running for one test file, with what its tests keep asking for. */
export class Reference {
  system!: Pick<TestSystem, 'url' | 'stop' | 'databases'>
  admin!: User
  #users = 0

  get url(): string {
    return this.system.url
  }

  /** Sends a request; a body that is no string goes as JSON. */
  async ask(method: string, path: string, { token, body, headers = {} }: Ask = {}): Promise<Reply> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : parsed(text) }
  }

  async logIn(email: string, password = PASSWORD): Promise<string> {
    const { body } = await this.ask('POST', '/auth/login', { body: { email, password } })
    return body.accessToken
  }

  /** Registers a user with an address of its own and logs in. */
  async user(name = 'Ann'): Promise<User> {
    const email = `user${++this.#users}@example.com`
    const { body } = await this.ask('POST', '/users', { body: { email, name, password: PASSWORD } })
    return { id: body.id, email, token: await this.logIn(email) }
  }

  /** The same user with a new access token, as for other roles. */
  async signIn(user: User): Promise<User> {
    return { ...user, token: await this.logIn(user.email) }
  }

  /** Makes a product; `sku` is its own unless given. */
  async product(values: Record<string, unknown> = {}): Promise<any> {
    const body = {
      sku: `sku-${crypto.randomUUID()}`,
      name: 'Chai',
      category: 'Beverages',
      price: 18,
      stock: 100,
      ...values,
    }
    return (await this.ask('POST', '/products', { token: this.admin.token, body })).body
  }

  async start(env: Record<string, string> = {}, started = system): Promise<void> {
    this.system = await testSystem(started, inject('databaseServer'), {
      LINTEL_ADMIN_EMAIL: ADMIN,
      LINTEL_ADMIN_PASSWORD: PASSWORD,
      ...env,
    })
    const token = await this.logIn(ADMIN)
    const { body } = await this.ask('GET', '/users/me', { token })
    this.admin = { id: body.id, email: ADMIN, token }
  }
}

/** Runs the reference system around the tests of a file; `env` is asked for when it starts. */
export function reference(env?: () => Promise<Record<string, string>>): Reference {
  const running = new Reference()
  beforeAll(async () => running.start(await env?.()))
  afterAll(() => running.system?.stop())
  return running
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
