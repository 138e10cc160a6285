import type { Socket } from 'node:net'

/**
 * Disconnects clients that read nothing of what is waiting to be sent to them: after `timeoutMs` at the earliest, and half as
 * long again at the latest (FC-93). One timer checks all connections, so a request costs nothing.
 */
export function watchUnread(sockets: ReadonlySet<Socket>, timeoutMs: number): { stop(): void } {
  const stalled = new WeakMap<Socket, { sentBytes: number; sinceMs: number }>()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    for (const socket of sockets) {
      if (socket.writableLength === 0) {
        stalled.delete(socket)
        continue
      }
      const sentBytes = sentBy(socket)
      const known = stalled.get(socket)
      if (known?.sentBytes !== sentBytes) stalled.set(socket, { sentBytes, sinceMs: nowMs })
      else if (nowMs - known.sinceMs >= timeoutMs) socket.destroy()
    }
  }, timeoutMs / 2).unref()
  return { stop: () => clearInterval(timer) }
}

/**
 * What the kernel has taken so far. Of a large piece that is being written, `bytesWritten` counts all and `writableLength` too:
 * only the handle knows how much of it is left. What is left is no measure by itself: a client that reads slowly, but reads,
 * may leave the same amount each time we look.
 */
function sentBy(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { bytesWritten?: number; writeQueueSize?: number } | null }
  return (handle?.bytesWritten ?? 0) - (handle?.writeQueueSize ?? 0)
}
