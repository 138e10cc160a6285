import { type IncomingHttpHeaders, request } from 'node:http'

export interface Wired {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The text parsed; undefined where it is no JSON. */
  readonly body: any
}

export interface Wire {
  headers?: Record<string, string | string[]>
  body?: string | Uint8Array
  /** Sends the body in chunks, with no Content-Length. */
  chunked?: boolean
}

/** Sends just what it is told, where `fetch` would add, refuse or hide something: bodies of GET, bytes, types, HEAD. */
export function send(
  url: string,
  method: string,
  path: string,
  { headers = {}, body, chunked }: Wire = {},
): Promise<Wired> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const framing: Record<string, string> =
    bytes === undefined ? {} : chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(bytes.length) }
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const req = request({ hostname, port, method, path, headers: { ...framing, ...headers }, agent: false })
    // The answer may come before the whole body is out: then the rest of it fails, and that is no matter.
    let answered = false
    req.on('error', (error) => {
      if (!answered) reject(error)
    })
    req.on('response', (res) => {
      answered = true
      const chunks: Buffer[] = []
      res.on('data', (chunk) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: res.statusCode!, headers: res.headers, text, body: parsed(text) })
      })
    })
    req.end(bytes)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
