import { type Call, CallProblem, http, type Port, portClient } from 'lintel/call'
import { users } from '../../services/users/contract.ts'
import { ImportError } from './import-error.ts'
import type { Settings } from './settings.ts'

interface Token {
  readonly value: string
  readonly endsAt: number
}

/** A token this close to its end is not used any more. */
const MARGIN_MS = 60_000

/**
 * Carries calls as the admin: logs in before the first, again before the token ends, and again when it is refused.
 * However many calls wait for a token, there is one login at a time: it has a limit of its own (R-RATE-1).
 */
export function asAdmin(settings: Settings, loginPort: Port): Port {
  const api = portClient(users, loginPort)
  let login: Promise<Token> | undefined

  const renew = () => {
    const pending = logIn(api, settings)
    login = pending
    pending.catch(() => forget(pending))
    return pending
  }
  const forget = (refused: Promise<Token>) => {
    // Others that were refused with the same token may have renewed it meanwhile.
    if (login === refused) login = undefined
  }

  const carry = async (call: Call, { value }: Token) => http(settings.url, { token: value, retries: 0 })(call)

  return async (call) => {
    let held = login ?? renew()
    if ((await held).endsAt <= performance.now()) {
      forget(held)
      held = login ?? renew()
    }
    try {
      return await carry(call, await held)
    } catch (error) {
      if (!(error instanceof CallProblem) || error.status !== 401) throw error
      forget(held)
      return carry(call, await (login ?? renew()))
    }
  }
}

async function logIn(
  api: ReturnType<typeof portClient<typeof users>>,
  { url, email, password }: Settings,
): Promise<Token> {
  try {
    const { accessToken, expiresIn } = await api.login({ body: { email, password } })
    // A token that lives for less than twice the margin is used for half its life.
    const usedMs = Math.max(expiresIn * 1000 - MARGIN_MS, expiresIn * 500)
    return { value: accessToken, endsAt: performance.now() + usedMs }
  } catch (error) {
    if (error instanceof CallProblem && (error.code === 'INVALID_CREDENTIALS' || error.code === 'VALIDATION_ERROR'))
      throw new ImportError(
        `The system at ${url} refuses LINTEL_ADMIN_EMAIL with LINTEL_ADMIN_PASSWORD: one is wrong`,
        78,
      )
    throw error
  }
}
