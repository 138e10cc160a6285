const QUIET_MS = 5_000
let saidAtMs = Number.NEGATIVE_INFINITY

/** What is going on: in one line of the terminal, or as a line of its own now and then where it goes to a file. */
export function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
  else if (line !== '' && performance.now() - saidAtMs > QUIET_MS) {
    saidAtMs = performance.now()
    process.stderr.write(`${line}\n`)
  }
}
