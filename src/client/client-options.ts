import type { Fetch } from './attempt.ts'
import type { SessionOptions } from './session.ts'

export interface ClientOptions extends SessionOptions {
  /** Where the API is: `https://api.example.com`; or a path, which is on the page's own host, in a browser. */
  readonly url: string
  /** How long a call may take, attempts and rests together; 10,000 ms. Each call may say otherwise. */
  readonly timeoutMs?: number | undefined
  /**
   * How often what failed is sent again; 2. A GET, and a POST, which gets an Idempotency-Key for that, when its answer was lost, or is
   * a 429 or 503; anything else only where nothing was sent. After `Retry-After` and a random wait, where there is time for that.
   */
  readonly retries?: number | undefined
  /** Sent with every request. From pages of other origins only what the system's CORS_HEADERS allows. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sends requests; the `fetch` of Node or of the browser by default. */
  readonly fetch?: Fetch | undefined
}
