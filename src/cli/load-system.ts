import { existsSync } from 'node:fs'
import { Fault } from '../base/errors.ts'
import { checkSystem } from '../start/check-system.ts'
import type { System } from '../start/system.ts'
import { type Purpose, prepareEnvironment } from './environment.ts'
import { importModule } from './import-module.ts'

/** The system that a module exports by default, once the environment is ready for what is to be done with it. */
export async function loadSystem(file: string, purpose: Purpose = 'beside'): Promise<System> {
  prepareEnvironment(purpose)
  return importSystem(file)
}

export async function importSystem(file: string): Promise<System> {
  if (!existsSync(file))
    throw new Fault(
      'NO_SYSTEM',
      `${file} does not exist: write one with \`export default system({ services })\`, or name it with --system`,
    )
  const { default: system } = (await importModule(file)) as { default?: System }
  if (!system?.services)
    throw new Fault(
      'NO_SYSTEM',
      `The default export of ${file} is not a system: write \`export default system({ services })\``,
    )
  checkSystem(system)
  return system
}
