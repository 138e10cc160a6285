/** What processes of one machine ask each other: the metrics and the health of a worker; what only the first has. */
export type Question = 'metrics' | 'health' | 'mails' | 'queue'

export type AskMessage =
  | { readonly kind: 'ask'; readonly number: number; readonly question: Question }
  | { readonly kind: 'answer'; readonly number: number; readonly value?: unknown; readonly failure?: string }

export type Answers = Partial<Record<Question, () => Promise<unknown>>>

/** Questions to the process at the other end of a channel, and those from there. */
export interface Questions {
  /** Rejects where the other process cannot answer, does not in time, or has ended. */
  ask(question: Question): Promise<unknown>
  take(message: AskMessage): void
  /** Rejects whatever is still open. */
  end(): void
}

/** The other end may be busy, but hardly for longer. */
const TIMEOUT_MS = 2_000

export function createQuestions(send: (message: AskMessage) => void, answers: Answers): Questions {
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let asked = 0

  async function answer(number: number, question: Question): Promise<void> {
    try {
      const given = answers[question]
      if (given === undefined) throw new Error(`${question} cannot be told yet`)
      send({ kind: 'answer', number, value: await given() })
    } catch (error) {
      send({ kind: 'answer', number, failure: (error as Error).message })
    }
  }

  return {
    ask(question) {
      const number = ++asked
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => fail(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
        const fail = (error: Error) => {
          clearTimeout(timer)
          open.delete(number)
          reject(error)
        }
        open.set(number, {
          reject: fail,
          resolve(value) {
            clearTimeout(timer)
            open.delete(number)
            resolve(value)
          },
        })
        send({ kind: 'ask', number, question })
      })
    },
    take(message) {
      if (message.kind === 'ask') void answer(message.number, message.question)
      else if (message.failure === undefined) open.get(message.number)?.resolve(message.value)
      else open.get(message.number)?.reject(new Error(message.failure))
    },
    end() {
      for (const one of open.values()) one.reject(new Error('the process has ended'))
    },
  }
}
