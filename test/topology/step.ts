/**
 * One request of the recorded script. `{name}` in its path, headers and body stands for what an earlier step has kept under
 * that name: ids and tokens differ from run to run, and the script does not know them.
 */
export interface Step {
  readonly method: string
  readonly path: string
  /** Whose access token goes along; nobody's by default. */
  readonly as?: string
  readonly headers?: Readonly<Record<string, string>>
  /** A string goes as it is, anything else as JSON. */
  readonly body?: unknown
  /** Where members of the answer are kept: `{ ann: 'id' }`. */
  readonly keeps?: Readonly<Record<string, string>>
  /** Asked again until it has this status: what one process does at once takes several a few seconds (R-AUTH-4, R-EVT-2). */
  readonly until?: number
  /** Asked so often; the last answer is the one that counts. */
  readonly times?: number
  /** The address that asks. By default all share one, but for `/auth/…` and what is polled: these have their own. */
  readonly from?: string
}

/** The token of the n-th mail to an address is kept as `<name>.mail`, once the mail has come. */
export interface MailStep {
  readonly mailTo: string
  readonly nth: number
  readonly name: string
}

export type Line = Step | MailStep

type Options = Omit<Step, 'method' | 'path' | 'body'>

export const get = (path: string, options: Options = {}): Step => ({ method: 'GET', path, ...options })
export const remove = (path: string, options: Options = {}): Step => ({ method: 'DELETE', path, ...options })
export const post = (path: string, body: unknown, options: Options = {}): Step => sends('POST', path, body, options)
export const put = (path: string, body: unknown, options: Options = {}): Step => sends('PUT', path, body, options)
export const patch = (path: string, body: unknown, options: Options = {}): Step => sends('PATCH', path, body, options)

function sends(method: string, path: string, body: unknown, { headers, ...options }: Options): Step {
  return { method, path, body, headers: { 'content-type': 'application/json', ...headers }, ...options }
}

export const PASSWORD = 'correct horse battery staple'
export const addressOf = (name: string): string => `${name}@example.com`

export function register(name: string): Step {
  return post('/users', { email: addressOf(name), name, password: PASSWORD }, { keeps: { [name]: 'id' } })
}

/** Their tokens are kept: `as` finds the one, `{name.refresh}` is the other. */
export function logIn(name: string, password = PASSWORD): Step {
  const keeps = { [`${name}.token`]: 'accessToken', [`${name}.refresh`]: 'refreshToken' }
  return post('/auth/login', { email: addressOf(name), password }, { keeps })
}
