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

/** For any other command: signals end the process, as they usually do; one that came before does so now. */
export function releaseSignals(): void {
  for (const signal of SIGNALS) process.off(signal, remember)
  if (heard !== undefined) process.kill(process.pid, heard)
}
