import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Gives each connection to the next backend that is ready, as the usual load balancer in front of the gateways does. */
export interface Balancer {
  readonly url: string
  close(): void
}

const CHECK_EVERY_MS = 100

/** Balances TCP: it knows nothing of requests. A backend whose `/health/ready` is no 200 gets no further connections. */
export async function openBalancer(
  backends: readonly { readonly url: string; isReady(): Promise<boolean> }[],
): Promise<Balancer> {
  const ready = new Set(backends)
  const check = async () => {
    for (const backend of backends) {
      if (await backend.isReady()) ready.add(backend)
      else ready.delete(backend)
    }
  }
  const checking = setInterval(() => void check(), CHECK_EVERY_MS)
  const sockets = new Set<Socket>()
  let turn = 0
  const server = createServer((from) => {
    from.on('error', () => from.destroy())
    open(from)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  /** One that takes no connection is gone, though nobody has seen it yet. Where none says that it is ready, all are tried, as balancers do. */
  function open(from: Socket, tried: readonly unknown[] = []): void {
    const all = (ready.size > 0 ? [...ready] : backends).filter((one) => !tried.includes(one))
    const backend = all[turn++ % all.length]
    if (backend === undefined) return void from.destroy()
    const to = connect(Number(new URL(backend.url).port), '127.0.0.1')
    const refused = () => {
      ready.delete(backend)
      open(from, [...tried, backend])
    }
    to.once('error', refused)
    to.once('connect', () => {
      to.off('error', refused)
      if (from.destroyed) return void to.destroy()
      join(from, to)
      join(to, from)
    })
  }

  function join(one: Socket, other: Socket): void {
    sockets.add(one)
    one.setNoDelay(true)
    one.on('error', () => other.destroy())
    one.on('close', () => {
      sockets.delete(one)
      other.end()
    })
    one.pipe(other)
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      clearInterval(checking)
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
