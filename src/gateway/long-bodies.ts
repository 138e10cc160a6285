import type { Operation } from '../contract/operation.ts'

/** How long a request may take to arrive, by the usual bound of a server. */
export const USUAL_BODY_MS = 30_000
/** So that who is late hears of the deadline of its route, and not of the server's. */
const SLACK_MS = 5_000

/** The same where a route streams its body for longer; undefined where none does. */
export function longestBodyMs(contracts: readonly { readonly served: readonly Operation[] }[]): number | undefined {
  const longest = Math.max(
    0,
    ...contracts.flatMap(({ served }) =>
      served.map(({ route, timeoutMs = 0 }) => (route?.body?.streamed ? timeoutMs : 0)),
    ),
  )
  return longest + SLACK_MS > USUAL_BODY_MS && longest > 0 ? longest + SLACK_MS : undefined
}
