import { Problem } from '../base/errors.ts'
import type { Trace } from './trace.ts'

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'

/** By the names of OpenTelemetry's semantic conventions. Never a value that a client has sent: nobody masks secrets here. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * A piece of work that is recorded. It goes with the Context, by hand; where nothing is recorded there is none, and nothing is
 * made for it.
 */
export interface Span {
  /** The trace with this span in it: what others are asked, they do for this span. */
  readonly trace: Trace
  /** Begins a part of the work, now or at `startedMs` of `performance.now()`. */
  child(name: string, kind: SpanKind, attributes?: Attributes, startedMs?: number): Span
  set(attributes: Attributes): void
  /** `type` is the code of a problem, the name of an error or a status: messages may quote what clients have sent. */
  fail(type: string): void
  end(): void
  /** Does work for which this is the active span of OpenTelemetry's API, as libraries with an instrumentation look for it. */
  active<T>(work: () => T): T
}

/** Records spans, and hands them on. */
export interface Tracer {
  /** Begins work that comes from outside, in its trace; a new trace where there is none, or none that names a span. */
  root(name: string, kind: SpanKind, from: Trace | undefined, attributes?: Attributes, startedMs?: number): Span
  /** Hands on what is left, for as long as `timeoutMs`. */
  close(options: { timeoutMs: number }): Promise<void>
}

/** Does the work of a span, and ends it. `isFailure` tells which errors are a failure of the work; all of them by default. */
export async function recorded<T>(
  span: Span,
  work: () => Promise<T>,
  isFailure: (error: unknown) => boolean = () => true,
): Promise<T> {
  try {
    return await span.active(work)
  } catch (error) {
    const type = typeOf(error)
    if (isFailure(error)) span.fail(type)
    else span.set({ 'lintel.problem': type })
    throw error
  } finally {
    span.end()
  }
}

function typeOf(error: unknown): string {
  if (error instanceof Problem) return error.code
  return error instanceof Error ? error.name : typeof error
}
