import type { AnyContract, Contract } from '../contract/contract.ts'
import type { Unit } from './handler.ts'

/** Something that an operator asks of a service, by name: `lintel users create --email ann@example.com --admin`. */
export interface Command<C extends AnyContract = Contract> {
  /** What `--help` says it does. */
  readonly about: string
  /** Options that must be given, as `--help` shows them, each with what it means: `{ '--email <address>': 'whose' }`. */
  readonly required?: Readonly<Record<string, string>>
  readonly options?: Readonly<Record<string, string>>
  /** Works in one transaction, also beside a running system; answers what to print. A Fault ends the command. */
  run(unit: Unit<C>, input: CommandInput): Promise<string>
}

/** Options and secrets of a command. */
export interface CommandInput {
  /** By the option's name in camelCase: the text, or true for one that takes none. */
  readonly options: Readonly<Record<string, string | true | undefined>>
  /** A line that is typed unseen, or comes from a pipe; empty where nobody answers. */
  readSecret(question: string): Promise<string>
}
