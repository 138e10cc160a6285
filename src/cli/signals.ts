type Listener = (signal: NodeJS.Signals) => void

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
let heard: NodeJS.Signals | undefined
const remember: Listener = (signal) => {
  heard ??= signal
}

/**
 * Keeps signals from ending the process while it loads (FC-118): what is to become of one depends on the command, which is
 * not known yet. This file imports nothing, so that nothing has to be loaded first; early-signals.cjs listens before it.
 */
export function holdSignals(): void {
  for (const signal of SIGNALS) {
    const early = process.listeners(signal)
    // In this order: with its last listener Node drops a signal that has come and was not heard yet.
    process.on(signal, remember)
    for (const listener of early) process.off(signal, listener)
  }
  heard = (process as { earlySignal?: NodeJS.Signals }).earlySignal
}

/** For a command that drains: signals go to `listener` from now on; one that came before is returned. */
export function takeSignals(listener: Listener): NodeJS.Signals | undefined {
  for (const signal of SIGNALS) process.on(signal, listener).off(signal, remember)
  return heard
}

export interface Interruption {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal
  /** What a command that was ended exits with; undefined while no signal has come. */
  readonly exitCode: number | undefined
}

/** For a command whose work is undone first: a signal aborts it, and another one, later, exits at once. */
export function interruption(): Interruption {
  const controller = new AbortController()
  let first: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined
  const listen: Listener = (signal) => {
    if (first !== undefined && performance.now() - first.atMs > ECHO_MS) process.exit(EXIT_CODES[signal])
    first ??= { signal, atMs: performance.now() }
    controller.abort(new Error(`ended by ${signal}`))
  }
  const before = takeSignals(listen)
  if (before !== undefined) listen(before)
  return {
    signal: controller.signal,
    get exitCode() {
      return first && EXIT_CODES[first.signal]
    },
  }
}

/** One signal to a process group comes twice: to us, and to npm, which passes it on. */
export const ECHO_MS = 1000

/** As a shell shows the end by a signal: 128 and its number. */
const EXIT_CODES: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 }

/** For any other command: signals end the process, as they usually do; one that came before does so now. */
export function releaseSignals(): void {
  for (const signal of SIGNALS) process.off(signal, remember)
  if (heard !== undefined) process.kill(process.pid, heard)
}
