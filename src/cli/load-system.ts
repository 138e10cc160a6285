import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Fault } from '../base/errors.ts'
import { checkSystem } from '../start/check-system.ts'
import type { System } from '../start/system.ts'
import { type Purpose, prepareEnvironment } from './environment.ts'

/** The system that a module exports by default, once the environment is ready for what is to be done with it. */
export async function loadSystem(file: string, purpose: Purpose = 'beside'): Promise<System> {
  prepareEnvironment(purpose)
  const path = resolve(file)
  if (!existsSync(path))
    throw new Fault(
      'NO_SYSTEM',
      `${file} does not exist: write one with \`export default system({ services })\`, or name it with --system`,
    )
  const { default: system } = (await import(pathToFileURL(path).href)) as { default?: System }
  if (!system?.services)
    throw new Fault(
      'NO_SYSTEM',
      `The default export of ${file} is not a system: write \`export default system({ services })\``,
    )
  checkSystem(system)
  return system
}
