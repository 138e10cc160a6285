import { connect } from 'node:net'
import { type CircuitBreakerOptions, createCircuitBreaker } from '../../resilience/circuit-breaker.ts'
import type { Balanced } from '../../resilience/replicas.ts'
import type { HttpClient } from './http-client.ts'

/** One address of an upstream. */
export interface Replica extends Balanced {
  readonly url: URL
  readonly client: HttpClient
  pending: number
}

export function createReplica(url: URL, client: HttpClient, options: CircuitBreakerOptions): Replica {
  return { url, client, breaker: createCircuitBreaker(options), pending: 0 }
}

/** Whether something accepts connections there. */
export function accepts({ hostname, port, protocol }: URL, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) })
    const tell = (accepted: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(accepted)
    }
    const timer = setTimeout(tell, timeoutMs, false)
    socket.once('connect', () => tell(true)).once('error', () => tell(false))
  })
}
