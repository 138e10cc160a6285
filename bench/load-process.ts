import autocannon from 'autocannon'

export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

/** One connection: who asks, and for what, over and over. */
export interface Visitor {
  readonly token: string
  readonly requests: readonly Request[]
}

export interface Job {
  readonly url: string
  readonly seconds: number
  readonly visitors: readonly Visitor[]
}

export interface Outcome {
  /** Answers per second. */
  readonly rate: number
  /** Answers in all, also those that came while the connections were being closed. */
  readonly answers: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** What was no 2xx: how often, by status; `error` stands for a connection that broke or timed out. */
  readonly failures: Readonly<Record<string, number>>
}

/** A process of its own, kept for the whole run, so that it is warm for whoever comes first. */
process.on('message', (job: Job) => void load(job).then((outcome) => process.send!(outcome)))
process.on('disconnect', () => process.exit())

async function load({ url, seconds, visitors }: Job): Promise<Outcome> {
  const times: number[] = []
  const failures: Record<string, number> = {}
  const fail = (what: string | number) => {
    failures[what] = (failures[what] ?? 0) + 1
  }
  let answers = 0
  let next = 0
  const beginMs = performance.now()
  const endMs = beginMs + seconds * 1000
  await new Promise<void>((resolve) => {
    const instance = autocannon(
      {
        url,
        connections: visitors.length,
        duration: seconds,
        sampleInt: 100,
        setupClient: (client) => {
          const { token, requests } = visitors[next++]!
          const headers = { authorization: `Bearer ${token}` }
          client.setRequests(
            requests.map(({ method, path, body }) =>
              body === undefined
                ? { method, path, headers }
                : { method, path, body, headers: { ...headers, 'content-type': 'application/json' } },
            ),
          )
        },
      } as autocannon.Options,
      () => resolve(),
    )
    instance.on('response', (_client, status, _bytes, ms) => {
      answers++
      if (status < 200 || status > 299) fail(status)
      if (performance.now() < endMs) times.push(ms)
    })
    instance.on('reqError', () => fail('error'))
  })
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return { rate: times.length / seconds, answers, p50Ms: at(0.5), p99Ms: at(0.99), failures }
}
