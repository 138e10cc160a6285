import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { camelCase, isKebabCase } from '../../contract/names.ts'
import { serviceNames } from '../../start/system.ts'
import { wrong } from '../arguments.ts'
import { loadSystem } from '../load-system.ts'
import { addTo, SERVICES } from './edit-source.ts'

/** Writes a service that has nothing yet, and names it in the system. */
export async function newServiceCommand(file: string, name: string): Promise<void> {
  if (!isKebabCase(name)) throw wrong(`"${name}" cannot be the name of a service: did you mean "${kebabOf(name)}"?`)
  const system = await loadSystem(file)
  if (serviceNames(system).includes(name)) throw wrong(`The system has a service ${name} already`)
  const folder = join(dirname(file), 'services', name)
  if (existsSync(folder)) throw wrong(`${relative('.', folder)} is there already: give another name, or remove it`)
  mkdirSync(join(folder, 'migrations'), { recursive: true })
  const key = camelCase(name)
  // Git keeps no folder that is empty.
  write(join(folder, 'migrations/.gitkeep'), '')
  write(
    join(folder, 'contract.ts'),
    `import { service } from 'lintel/contract'\n\nexport const ${key} = service('${name}', { resources: {} })\n`,
  )
  write(
    join(folder, 'service.ts'),
    `import { implement } from 'lintel/service'\nimport { ${key} } from './contract.ts'\n\n` +
      `export default implement(${key}, {}, { migrations: new URL('./migrations/', import.meta.url) })\n`,
  )
  const line = `import ${key} from './services/${name}/service.ts'`
  const edited = addTo(readFileSync(file, 'utf8'), { line, where: SERVICES, member: key })
  if (edited === undefined) console.log(`${file}: add \`${line}\`, and ${key} to its services`)
  else write(file, edited)
  console.log(`\nNext: npx lintel new resource ${name} <singular> title:text …`)
}

export function write(path: string, text: string): void {
  writeFileSync(path, text)
  if (!path.endsWith('.gitkeep')) console.log(`${relative('.', path)}: written`)
}

export function kebabOf(name: string): string {
  return (
    name
      .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '') || 'orders'
  )
}
