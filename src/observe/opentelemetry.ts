import {
  type Attributes as ApiAttributes,
  type Context as ApiContext,
  SpanKind as ApiKind,
  type Span as ApiSpan,
  type Tracer as ApiTracer,
  context,
  createTraceState,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import type { Attributes, Span, SpanKind, Tracer } from './span.ts'
import type { Trace } from './trace.ts'

export interface TracerOptions {
  readonly exporter: 'otlp' | 'console'
  /** Of OTLP. */
  readonly protocol: 'http/protobuf' | 'http/json'
  /** What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES may say otherwise. */
  readonly service: { readonly name: string; readonly version: string }
  readonly log: { info(text: string): void; warn(text: string): void }
}

/**
 * Records spans by OpenTelemetry's SDK, which reads the rest of what OTEL_* say by itself: sampler, limits, where to export and
 * how many at once. Its queue is bounded (OTEL_BSP_MAX_QUEUE_SIZE, 2,048 spans): what is more is dropped.
 *
 * Loading it takes 100 ms and 20 MB: import this file only where OTEL_* ask for it.
 */
export async function createTracer({ exporter, protocol, service, log }: TracerOptions): Promise<Tracer> {
  const resource = resourceFromAttributes({ 'service.name': service.name, 'service.version': service.version })
  // What is wrong with OTEL_* it says here, and takes its default.
  diag.setLogger(
    saying((text) => log.warn(text)),
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  const provider = new BasicTracerProvider({
    resource: resource.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(telling(await exporterOf(exporter, protocol), log))],
  })
  diag.disable()
  const tracer = provider.getTracer('lintel', service.version)
  return {
    root(name, kind, from, attributes, startedMs = performance.now()) {
      const parent = from?.parentId === undefined ? ROOT_CONTEXT : contextOf(from, from.parentId)
      const span = tracer.startSpan(
        name,
        { kind: KINDS[kind], attributes: given(attributes), startTime: startedMs },
        parent,
      )
      return new RecordedSpan(tracer, span, from?.parentId === undefined ? undefined : from)
    },
    async close({ timeoutMs }) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, timeoutMs)
      })
      // Its own time limit is 30 s.
      await Promise.race([provider.shutdown().catch(() => {}), late])
      clearTimeout(timer)
    },
  }
}

class RecordedSpan implements Span {
  readonly trace: Trace
  readonly #tracer: ApiTracer
  readonly #span: ApiSpan
  readonly #isSampled: boolean
  #context: ApiContext | undefined = undefined

  /** `from` is the trace that it continues. */
  constructor(tracer: ApiTracer, span: ApiSpan, from: Trace | undefined) {
    const { traceId, spanId, traceFlags } = span.spanContext()
    this.#tracer = tracer
    this.#span = span
    this.#isSampled = (traceFlags & SAMPLED) !== 0
    // Whether the id is random (02) is for those to say who have made it.
    const flags = (traceFlags & SAMPLED) | (Number.parseInt(from?.flags ?? '0', 16) & RANDOM)
    this.trace = { traceId, flags: `0${flags}`, state: from?.state, parentId: undefined, spanId }
  }

  child(name: string, kind: SpanKind, attributes: Attributes = {}, startedMs = performance.now()): Span {
    // What is not sampled has no parts.
    if (!this.#isSampled) return this
    this.#context ??= trace.setSpan(ROOT_CONTEXT, this.#span)
    const options = { kind: KINDS[kind], attributes: given(attributes), startTime: startedMs }
    return new RecordedSpan(this.#tracer, this.#tracer.startSpan(name, options, this.#context), this.trace)
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(given(attributes))
  }

  fail(type: string): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR })
    this.#span.setAttribute('error.type', type)
  }

  /** By the same clock as the start: the SDK would take the wall's. */
  end(): void {
    this.#span.end(performance.now())
  }

  /** Nothing here ever reads it back: a driver may call from the context of another request. */
  active<T>(work: () => T): T {
    return context.with(trace.setSpan(context.active(), this.#span), work)
  }
}

const SAMPLED = 1
const RANDOM = 2

const KINDS: Readonly<Record<SpanKind, ApiKind>> = {
  internal: ApiKind.INTERNAL,
  server: ApiKind.SERVER,
  client: ApiKind.CLIENT,
  producer: ApiKind.PRODUCER,
  consumer: ApiKind.CONSUMER,
}

/** What is undefined the SDK leaves out, with a warning. */
function given(attributes: Attributes = {}): ApiAttributes {
  const all: ApiAttributes = {}
  for (const name in attributes) if (attributes[name] !== undefined) all[name] = attributes[name]
  return all
}

/** Where a span from outside is the parent. */
function contextOf({ traceId, flags, state }: Trace, spanId: string): ApiContext {
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  })
}

async function exporterOf(
  exporter: TracerOptions['exporter'],
  protocol: TracerOptions['protocol'],
): Promise<SpanExporter> {
  if (exporter === 'console') return new ConsoleSpanExporter()
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter()
}

/** Says once that spans cannot be exported, and once that they can be again. Nothing else fails for it. */
function telling(exporter: SpanExporter, log: TracerOptions['log']): SpanExporter {
  let failing = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== 0
        if (failed && !failing)
          log.warn(`traces can't be exported, and are dropped until they can be: ${reasonOf(result.error)}`)
        else if (!failed && failing) log.info('traces are exported again')
        failing = failed
        // It is said; the SDK would write a line of its own, each time.
        done({ code: 0 })
      })
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush!() }),
  }
}

/** Of several addresses that were tried, the last. */
function reasonOf(error: Error | undefined): string {
  if (error instanceof AggregateError) return reasonOf(error.errors.at(-1) as Error)
  return error?.message || 'the reason is not known'
}

function saying(say: (text: string) => void) {
  const silent = () => {}
  return { error: say, warn: say, info: silent, debug: silent, verbose: silent }
}
