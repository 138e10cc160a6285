import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { until } from './system-process.ts'

/** A span as a collector gets it. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: string
  /** `service.name` of the process. */
  readonly process: string
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly failed: boolean
  readonly traceState: string | undefined
  readonly ms: number
}

const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer']

/** Takes spans as a collector does: OTLP over HTTP, as JSON. `settings` lead there. */
export async function otlpReceiver() {
  const spans: ReceivedSpan[] = []
  const posts: { url: string; headers: IncomingHttpHeaders; body: Buffer }[] = []
  let status: number | 'never' = 200
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    posts.push({ url: req.url!, headers: req.headers, body })
    if (status === 'never') return
    if (status === 200 && req.headers['content-type'] === 'application/json')
      spans.push(...spansIn(JSON.parse(body.toString())))
    res.writeHead(status, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    settings: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    },
    spans,
    posts,
    /** From now on it answers so. */
    answer(given: number | 'never') {
      status = given
    },
    /** The spans of a trace, once it has some of each of these names. */
    async trace(traceId: string, ...names: string[]): Promise<ReceivedSpan[]> {
      const found = () => spans.filter((one) => one.traceId === traceId)
      await until(() => names.every((name) => found().some((one) => one.name === name)))
      return found()
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Its spans below each other, each with its process and kind: lines that are indented by their depth. */
export function treeOf(spans: readonly ReceivedSpan[], parentId: string | undefined, depth = 0): string[] {
  return spans
    .filter((one) => one.parentSpanId === parentId)
    .map((one) => [
      `${'  '.repeat(depth)}${one.process}: ${one.name} (${one.kind})`,
      ...treeOf(spans, one.spanId, depth + 1),
    ])
    .sort((a, b) => (a.join() < b.join() ? -1 : 1))
    .flat()
}

function spansIn(body: any): ReceivedSpan[] {
  return body.resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    scopeSpans.flatMap(({ spans }: any) =>
      spans.map((span: any) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        name: span.name,
        kind: KINDS[span.kind],
        process: String(attributesOf(resource)['service.name']),
        attributes: attributesOf(span),
        failed: span.status?.code === 2,
        traceState: span.traceState || undefined,
        ms: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
      })),
    ),
  )
}

function attributesOf({ attributes }: any): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value }: any) => [
      key,
      value.intValue === undefined
        ? (value.stringValue ?? value.doubleValue ?? value.boolValue)
        : Number(value.intValue),
    ]),
  )
}
