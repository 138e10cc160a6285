import type { Socket } from 'node:net'

/**
 * Cuts connections whose clients take nothing of what is to be sent, for `timeoutMs` at least and for half as long again at most
 * (FC-93). One timer looks at all of them; a request costs nothing.
 */
export function watchUnread(sockets: ReadonlySet<Socket>, timeoutMs: number): { stop(): void } {
  const stalled = new WeakMap<Socket, { leftBytes: number; sinceMs: number }>()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    for (const socket of sockets) {
      const leftBytes = unsent(socket)
      const known = stalled.get(socket)
      if (leftBytes === 0) stalled.delete(socket)
      else if (known?.leftBytes !== leftBytes) stalled.set(socket, { leftBytes, sinceMs: nowMs })
      else if (nowMs - known.sinceMs >= timeoutMs) socket.destroy()
    }
  }, timeoutMs / 2).unref()
  return { stop: () => clearInterval(timer) }
}

/** A piece under way counts whole in `writableLength`, until it is out; how much of it is out, its handle knows. */
function unsent(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null }
  return socket.writableLength === 0 ? 0 : socket.writableLength + (handle?.writeQueueSize ?? 0)
}
