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
  for (const signal of SIGNALS) process.removeAllListeners(signal).on(signal, remember)
  heard = (process as { earlySignal?: NodeJS.Signals }).earlySignal
}

/** For a command that drains: signals go to `listener` from now on; one that came before is returned. */
export function takeSignals(listener: Listener): NodeJS.Signals | undefined {
  for (const signal of SIGNALS) process.off(signal, remember).on(signal, listener)
  return heard
}

/** For any other command: signals end the process, as they usually do; one that came before does so now. */
export function releaseSignals(): void {
  for (const signal of SIGNALS) process.off(signal, remember)
  if (heard !== undefined) process.kill(process.pid, heard)
}
