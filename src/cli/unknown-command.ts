import type { Command } from 'commander'
import { Fault } from '../base/errors.ts'
import { nearestName } from '../base/known-names.ts'

interface Known {
  /** The words before it, which are known: `migrate`. */
  readonly below?: string
  readonly commands: readonly (Command | string)[]
  /** What else there is to say where no command is called nearly so. */
  readonly more?: string
}

export function unknownCommand(words: readonly string[], { below, commands, more = '' }: Known): Fault {
  const before = below === undefined ? '' : `${below} `
  const names = commands.map((one) => (typeof one === 'string' ? one : one.name()))
  const nearest = nearestName(words[0]!, names)
  const hint =
    nearest === undefined ? `${more}; see lintel ${before}--help` : `: did you mean \`lintel ${before}${nearest}\`?`
  return new Fault('UNKNOWN_COMMAND', `Unknown command "${before}${words.join(' ')}"${hint}`, { exitCode: 2 })
}
