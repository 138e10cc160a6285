import { createInterface } from 'node:readline/promises'

/** Whether there is anybody to ask. */
export function canAsk() {
  return Boolean(process.stdin.isTTY && process.stdout.isTTY && !process.env.CI)
}

/** What is typed; the usual answer where nothing is, and again where it is none of the choices. */
export async function ask(question, usual, choices) {
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  const among = choices ? ` (${choices.join(', ')})` : ''
  try {
    for (;;) {
      const answer = (await lines.question(`${question}${among} [${usual}]: `)).trim() || usual
      if (!choices || choices.includes(answer)) return answer
    }
  } finally {
    lines.close()
  }
}
