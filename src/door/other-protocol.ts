import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { NOT_HTTP, type Shortcoming, TLS_ONLY } from './shortcoming.ts'

/**
 * What is spoken where a request was ended without a byte, as a balancer does too that has nothing behind it; undefined where that
 * does not show. A server of TLS answers a handshake. A POST shows it of most others; Redis takes that for an attack, but to a line
 * of its own kind it answers.
 */
export async function otherProtocol(url: URL, timeoutMs: number): Promise<Shortcoming | undefined> {
  if (url.protocol !== 'http:') return undefined
  const at = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) }
  // Nothing is sent over it, so whose certificate it is does not matter.
  const secure = connectTls({ ...at, rejectUnauthorized: false })
  if (await settled(secure, timeoutMs, (settle) => secure.once('secureConnect', () => settle(true)))) return TLS_ONLY
  const plain = connect(at)
  const speaks = await settled(plain, timeoutMs, (settle) => {
    plain.once('data', (first) => settle(!first.toString('latin1').startsWith('HTTP/')))
    plain.write('PING\r\n')
  })
  return speaks ? NOT_HTTP : undefined
}

/** False where the connection ends before, or the time is over. */
function settled(
  socket: Socket,
  timeoutMs: number,
  ask: (settle: (answer: boolean) => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (answer: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(settle, timeoutMs, false)
    socket.once('error', () => settle(false))
    socket.once('close', () => settle(false))
    ask(settle)
  })
}
