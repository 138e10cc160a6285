import { CallProblem } from './call-problem.ts'
import type { AnyArgs } from './walk.ts'

/** What a login answers with. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken?: string | undefined
}

/** Where the tokens of a session are kept. Whoever else changes them, such as another tab of the same page, is heeded. */
export interface TokenStore {
  get(): Tokens | undefined | Promise<Tokens | undefined>
  /** Undefined when the session is over: after a logout, or once its refresh token was rejected. */
  set(tokens: Tokens | undefined): void | Promise<void>
}

export interface SessionOptions {
  /**
   * An access token of somebody else's, such as an identity provider: a text, or a function that is called before every attempt, and
   * again, with the token that was rejected, after a 401. The tokens of logins are then not kept.
   */
  readonly token?: string | ((rejected?: string) => string | undefined | Promise<string | undefined>) | undefined
  /** Where the tokens of a login are kept; in memory by default. */
  readonly tokens?: TokenStore | undefined
}

export interface Session {
  /** The access token to send; another than the rejected one, if there is one to be had. */
  token(rejected?: string): Promise<string | undefined>
  kept(): Promise<Tokens | undefined>
  keep(tokens: Tokens | undefined): Promise<void>
}

/**
 * The tokens of whoever has signed in. However many calls are rejected with one access token, its successor is asked for once, by
 * `refresh`. A refresh token that is rejected ends the session; one whose answer was lost stays, and works again (R-AUTH-3).
 */
export function createSession(
  { token, tokens = inMemory() }: SessionOptions,
  refresh: ((refreshToken: string) => Promise<Tokens>) | undefined,
): Session {
  let refreshing: Promise<void> | undefined

  async function renew({ refreshToken }: Tokens): Promise<void> {
    if (refresh === undefined || refreshToken === undefined) return
    // What came of it is for this session alone: it may have ended meanwhile, or another may have begun.
    const replace = async (next: Tokens | undefined) => {
      if ((await tokens.get())?.refreshToken === refreshToken) await tokens.set(next)
    }
    try {
      await replace(await refresh(refreshToken))
    } catch (error) {
      if (!(error instanceof CallProblem) || error.status !== 401) throw error
      await replace(undefined)
    }
  }

  return {
    async token(rejected) {
      if (token !== undefined) return typeof token === 'function' ? token(rejected) : token
      const now = (await tokens.get()) ?? undefined
      if (now === undefined || now.accessToken !== rejected) return now?.accessToken
      refreshing ??= renew(now).finally(() => {
        refreshing = undefined
      })
      await refreshing
      return (await tokens.get())?.accessToken
    },
    kept: async () => (token === undefined ? ((await tokens.get()) ?? undefined) : undefined),
    keep: async (next) => {
      if (token === undefined) await tokens.set(next)
    },
  }
}

/** Makes a call, and sees to what its operation does to the session. A client gives its own refresh token where none is given. */
export async function inSession(
  session: Session,
  marks: readonly string[],
  args: AnyArgs,
  call: (args: AnyArgs) => Promise<unknown>,
): Promise<unknown> {
  const [begins, refreshes, ends] = ['begins', 'refreshes', 'ends'].map((mark) => marks.includes(mark))
  const kept = refreshes || ends ? await session.kept() : undefined
  const { refreshToken } = kept ?? {}
  try {
    const answer = await call(
      refreshToken === undefined ? args : { ...args, body: { refreshToken, ...(args.body as {}) } },
    )
    if (begins || refreshes) await session.keep(answer as Tokens)
    if (ends) await session.keep(undefined)
    return answer
  } catch (error) {
    // It was over before.
    if (ends && error instanceof CallProblem && error.status === 401) await session.keep(undefined)
    throw error
  }
}

function inMemory(): TokenStore {
  let kept: Tokens | undefined
  return {
    get: () => kept,
    set(tokens) {
      kept = tokens
    },
  }
}
