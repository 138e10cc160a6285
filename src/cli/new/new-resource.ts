import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { camelCase, isKebabCase, pluralOf, withArticle } from '../../contract/names.ts'
import { type AnyResource, resource } from '../../contract/resource.ts'
import { service as contractOf } from '../../contract/service.ts'
import { isInvariable, isPlural, isVerb } from '../../contract/words.ts'
import { tableStatements } from '../../data/draft.ts'
import { nextNumber } from '../../data/migration-files.ts'
import type { Service } from '../../service/implement.ts'
import type { System } from '../../start/system.ts'
import { wrong } from '../arguments.ts'
import { servicesNamed } from '../each-service.ts'
import { loadSystem } from '../load-system.ts'
import { addTo, RESOURCES } from './edit-source.ts'
import { type AskedField, fieldsOfWords } from './field-words.ts'
import { kebabOf, write } from './new-service.ts'

/** Writes a resource: its contract entry, its migration and its test. What the contract may not say is refused before. */
export async function newResourceCommand(
  file: string,
  serviceName: string,
  name: string,
  words: readonly string[],
): Promise<void> {
  if (!isKebabCase(name)) throw wrong(`"${name}" cannot be the name of a resource: did you mean "${kebabOf(name)}"?`)
  if (isPlural(name) && !isInvariable(name))
    throw wrong(`A resource is named by its singular, and "${name}" is a plural: did you mean "${singularOf(name)}"?`)
  if (isVerb(name))
    throw wrong(
      `A resource is named by a noun, and "${name}" is a verb: ` +
        (name.includes('-')
          ? `did you mean "${name.slice(name.indexOf('-') + 1)}"?`
          : 'give a noun, or write an operation instead'),
    )
  const fields = fieldsOfWords(words.length === 0 ? ['name:text'] : words)
  const system = await loadSystem(file)
  const [service] = servicesNamed(system, [serviceName])
  const made = checked(system, service!, name, fields)

  const folder = dirname(fileURLToPath(new URL(service!.migrations)))
  const contract = join(folder, 'contract.ts')
  const type = typeNameOf(name)
  for (const path of [join(folder, `${name}.ts`), join(folder, `${made.plural}.test.ts`)])
    if (existsSync(path)) throw wrong(`${relative('.', path)} is there already: give another name, or remove it`)
  const migrations = join(folder, 'migrations')
  const key = camelCase(made.plural)
  write(join(folder, `${name}.ts`), sourceOf(made, type, fields, accessOf(system)))
  write(join(folder, `${made.plural}.test.ts`), testOf(made, relative(folder, dirname(file)), fields, accessOf(system)))
  write(join(migrations, `${nextNumber(migrations)}-${made.plural}.sql`), `${tableStatements(made).join('\n')}\n`)
  // Last: with it the rest is looked at, also by a `lintel dev` that runs.
  const line = `import { ${type} } from './${name}.ts'`
  const member = `${key}: ${type}`
  const edited = existsSync(contract)
    ? addTo(readFileSync(contract, 'utf8'), { line, where: RESOURCES, member })
    : undefined
  if (edited === undefined)
    console.log(`${relative('.', contract)}: add \`${line}\`, and \`${member}\` to its resources`)
  else write(contract, edited)
  if (system.auth === undefined)
    console.log(`\nEverybody may do everything with ${made.plural}: \`access\` in ${name}.ts says so.`)
}

function singularOf(plural: string): string {
  const candidates = [plural.replace(/ies$/, 'y'), plural.replace(/es$/, ''), plural.replace(/s$/, '')]
  return candidates.find((one) => one !== plural && pluralOf(one) === plural) ?? plural.replace(/s$/, '')
}

const VERBS = ['list', 'get', 'create', 'replace', 'update', 'delete'] as const

/** Without anybody whose tokens are believed, a rule that asks for one would let nobody in. */
function accessOf({ auth }: System): string {
  return auth === undefined ? 'public' : 'authenticated'
}

/** The resource itself, among those that the service has: Faults are those of a contract that says the same. */
function checked(system: System, { contract }: Service<any>, name: string, fields: readonly AskedField[]): AnyResource {
  const key = camelCase(pluralOf(name))
  if (Object.hasOwn(contract.resources, key)) throw wrong(`The service ${contract.name} has ${key} already`)
  const access = Object.fromEntries(VERBS.map((verb) => [verb, accessOf(system)]))
  const made: AnyResource = resource(name, {
    id: prefixOf(name),
    fields: Object.fromEntries(fields.map((one) => [one.name, one.field])),
    list: listOf(fields),
    access,
  })
  contractOf(contract.name, { resources: { ...contract.resources, [key]: made } })
  return made
}

/** Two to ten letters. */
function prefixOf(name: string): string {
  return name.replace(/[^a-z]/g, '').slice(0, 10)
}

function listOf(fields: readonly AskedField[]) {
  const text = fields.find(({ source }) => source.startsWith('t.text({'))?.name
  const choices = fields.filter(({ source }) => /^t\.(oneOf|boolean)/.test(source)).map(({ name }) => name)
  return {
    filter: [...choices, 'createdAt'],
    ...(text !== undefined && { search: [text] }),
    sort: ['createdAt', ...(text === undefined ? [] : [text])],
  }
}

function typeNameOf(name: string): string {
  const camel = camelCase(name)
  return camel[0]!.toUpperCase() + camel.slice(1)
}

function sourceOf(made: AnyResource, type: string, fields: readonly AskedField[], access: string): string {
  const list = Object.entries(listOf(fields)).map(
    ([name, values]) => `${name}: [${values.map((one) => `'${one}'`).join(', ')}]`,
  )
  return `import { resource, t } from 'lintel/contract'

export const ${type} = resource('${made.name}', {
  id: '${made.idPrefix}',
  fields: {
${fields.map(({ name, source }) => `    ${name}: ${source},`).join('\n')}
  },
  list: { ${list.join(', ')} },
  access: {
${VERBS.map((verb) => `    ${verb}: '${access}',`).join('\n')}
  },
})
`
}

/** A stranger makes one, where everybody may; else it is rejected. */
function testOf({ plural, name }: AnyResource, root: string, fields: readonly AskedField[], access: string): string {
  const body = Object.fromEntries(fields.flatMap(({ name, sample }) => (sample === undefined ? [] : [[name, sample]])))
  const isPublic = access === 'public'
  return `import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testServer, testSystem } from 'lintel/testing'
import system from '${root}/system.ts'

const server = await testServer()
const running = await testSystem(system, server.url)
after(async () => {
  await running.stop()
  await server.stop()
})

test('${withArticle(name)} is ${isPublic ? 'created, and listed' : 'created by nobody who does not say who they are'}', async () => {
  const made = await fetch(\`\${running.url}/${plural}\`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(${JSON.stringify(body)}),
  })
  assert.equal(made.status, ${isPublic ? 201 : 401})
${isPublic ? `  const listed = await fetch(\`\${running.url}/${plural}\`)\n  assert.match(await listed.text(), /"total":1/)\n` : ''}})
`
}
