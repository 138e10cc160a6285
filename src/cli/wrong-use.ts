import type { Command, CommanderError } from 'commander'
import type { Fault } from '../base/errors.ts'
import { wrong } from './arguments.ts'
import { unknownCommand } from './unknown-command.ts'

/** Has a command refuse wrong use in one sentence, where commander would print the usage too. */
export function refuseWrongUse(command: Command): void {
  // The help that commander prints where a command below is left out would be one more answer.
  const printsHelp = command.parent === null || command.commands.length === 0
  command.configureOutput({ outputError() {}, ...(printsHelp ? {} : { writeErr() {} }) }).exitOverride((error) => {
    throw error.exitCode === 0 || (printsHelp && error.code === 'commander.help') ? error : faultOf(command, error)
  })
}

function faultOf(command: Command, { code, message }: CommanderError): Fault {
  const path = pathOf(command)
  const see = `see ${path} --help`
  const names = command.commands.map((one) => one.name())
  if (code === 'commander.help') return wrong(`${path} needs one of its commands, ${names.join(', ')}; ${see}`)
  if (code === 'commander.unknownCommand')
    return unknownCommand([command.args[0]!], { below: path.replace(/^lintel /, ''), commands: names })
  const [said = '', meant] = message.replace(/^error: /, '').split(/\n\(Did you mean (.*)\?\)$/)
  const sentence = `${said[0]?.toUpperCase()}${said.slice(1)}`.replace(/\.$/, '').replace('. ', ': ')
  return wrong(meant === undefined ? `${sentence}; ${see}` : `${sentence}: did you mean ${meant}?`)
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}
