import { Agent, request } from 'node:http'
import type { Spread } from './report.ts'

export interface Refusals {
  readonly pairs: number
  /** Milliseconds: the median, with the 5th and the 95th of a hundred. */
  readonly wrongEmail: Spread
  readonly wrongPassword: Spread
  /** Of the medians, the password's less the email's; with the bounds of 95 % of what resampling gives. */
  readonly difference: Spread
  /** The difference of the medians between two halves of one and the same kind: what no difference looks like here. */
  readonly noise: number
}

interface Setup {
  readonly url: string
  /** Whose password will be wrong. */
  readonly email: string
  readonly pairs: number
  readonly say: (line: string) => void
}

/** Times refused logins over one connection, one after the other; which kind goes first changes from pair to pair. */
export async function compareRefusals({ url, email, pairs, say }: Setup): Promise<Refusals> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const password = 'not the password'
  const [byEmail, byPassword]: [number[], number[]] = [[], []]
  const one = async (kind: number[], address: string) =>
    kind.push(await refusedLogin(agent, url, { email: address, password }))
  try {
    for (let pair = -WARM_UP; pair < pairs; pair++) {
      if (pair === 0) for (const kind of [byEmail, byPassword]) kind.length = 0
      if (pair % 50 === 0) say(`refused logins: ${Math.max(pair, 0)} of ${pairs} of each kind`)
      const turns = [() => one(byEmail, `no-${email}`), () => one(byPassword, email)]
      for (const turn of pair % 2 === 0 ? turns : turns.reverse()) await turn()
    }
  } finally {
    agent.destroy()
  }
  const differences = Array.from({ length: 1000 }, () => median(resampled(byPassword)) - median(resampled(byEmail)))
  const halves = [0, 1].map((half) => median(byEmail.filter((_, i) => i % 2 === half)))
  return {
    pairs,
    wrongEmail: percentiles(byEmail, 0.05, 0.95),
    wrongPassword: percentiles(byPassword, 0.05, 0.95),
    difference: { ...percentiles(differences, 0.025, 0.975), median: median(byPassword) - median(byEmail) },
    noise: Math.abs(halves[0]! - halves[1]!),
  }
}

const WARM_UP = 20

/** Answers how many milliseconds it took to be refused. */
function refusedLogin(agent: Agent, url: string, body: object): Promise<number> {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  return new Promise((resolve, reject) => {
    const sentMs = performance.now()
    const asking = request(`${url}/auth/login`, { method: 'POST', agent, headers }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 401) resolve(performance.now() - sentMs)
        else reject(new Error(`A wrong login was answered ${response.statusCode}`))
      })
    })
    asking.once('error', reject)
    asking.end(text)
  })
}

function resampled(values: readonly number[]): number[] {
  return values.map(() => values[Math.floor(Math.random() * values.length)]!)
}

function median(values: readonly number[]): number {
  return percentiles(values, 0, 1).median
}

function percentiles(values: readonly number[], low: number, high: number): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { median: at(0.5), min: at(low), max: at(high) }
}
