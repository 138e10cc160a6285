import type { Contract } from '../../contract/contract.ts'
import { answerSchema, bodySchema, type JsonSchema, valueSchema } from '../../contract/documents/json-schema.ts'
import { capital } from '../../contract/documents/schema-names.ts'
import { accessSentence } from '../../contract/documents/wording.ts'
import type { FieldSpec } from '../../contract/fields.ts'
import { type FilterParameter, filterParameters } from '../../contract/list-query.ts'
import type { Operation } from '../../contract/operation.ts'
import type { Resource } from '../../contract/resource.ts'
import { surfaceOf } from '../../contract/versions.ts'
import { takesRefreshToken } from '../table.ts'
import { docText, literal, memberName, typeText } from './type-text.ts'
import type { Types } from './types.ts'

/** The members of a client that call the operations of one resource, in this version of the API. */
export function resourceText(
  contract: Contract,
  operations: readonly Operation[],
  version: number,
  types: Types,
): string {
  const { service, key = '' } = operations[0]!
  const one = types.nameOf(service, key)
  const shown = operations.map((operation) => surfaceOf(contract, operation, version).answer).find((answer) => answer)
  const name = shown ? types.interface(one, answerSchema(shown, types.idRef)) : one
  return operations.map((operation) => verbText(contract, operation, version, name, types)).join('')
}

/** The member that calls an operation beside the resources. */
export function operationText(contract: Contract, operation: Operation, version: number, types: Types): string {
  const { name, shows, service } = operation
  const { body, answer } = surfaceOf(contract, operation, version)
  const parts: string[] = []
  const params = paramsText(operation)
  if (params !== '') parts.push(`params: { ${params} }`)
  if (operation.query) parts.push(queryText(operation.query, `${capital(name)}Query`, types))
  if (body) {
    const given = takesRefreshToken(operation)
      ? { ...body, refreshToken: { ...body.refreshToken!, optional: true } }
      : body
    const schema = bodySchema(given, 'request', types.idRef)
    parts.push(`body${needed(schema)}: ${types.interface(`${capital(name)}Body`, schema)}`)
  }
  const optional = parts.every((part) => /^\w+\?:/.test(part)) ? '?' : ''
  const args = parts.length === 0 ? 'OwnArgs' : `{ ${parts.join('; ')} } & OwnArgs`
  let gives = 'void'
  if (answer && operation.status !== 204)
    gives = types.interface(
      shows ? types.nameOf(service, shows.key) : `${capital(name)}Answer`,
      answerSchema(answer, types.idRef),
    )
  return `${docOf(operation)}  ${memberName(name)}(args${optional}: ${args}): Promise<${gives}>\n`
}

function verbText(contract: Contract, operation: Operation, version: number, one: string, types: Types): string {
  const { name, verb, resource } = operation
  const params = paramsText(operation)
  const argsOf = (args: string) => (params === '' ? args : `{ ${params} } & ${args}`)
  const fields = `<F extends keyof ${one} = never>`
  const doc = docOf(operation)
  const { body } = surfaceOf(contract, operation, version)
  const given = () => bodyText(one + capital(verb), body!, verb === 'update' && !resource!.input.update, types)
  switch (verb) {
    case 'list': {
      const query = listQuery(resource as Resource, `${one}Query`, types)
      const mark = params === '' ? '?' : ''
      return (
        `${doc}  ${name}${fields}(args${mark}: ${argsOf(`ListArgs<F, ${query}>`)}): Promise<Page<Answered<${one}, F>>>\n` +
        `${docText(`Every row of \`${name}\`, page by page as they are asked for.`, '  ')}` +
        `  ${name.replace('list', 'each')}${fields}(args${mark}: ${argsOf(`WalkArgs<F, ${query}>`)}): Rows<Answered<${one}, F>>\n`
      )
    }
    case 'get':
      return `${doc}  get${fields}(args: ${argsOf('GetArgs<F>')}): Promise<Answered<${one}, F>>\n`
    case 'create':
      return `${doc}  create(args: ${argsOf(`CreateArgs<${given()}>`)}): Promise<${one}>\n`
    case 'delete':
      return `${doc}  delete(args: ${argsOf('DeleteArgs')}): Promise<void>\n`
    default:
      return `${doc}  ${verb}(args: ${argsOf(`ChangeArgs<${given()}>`)}): Promise<${one}>\n`
  }
}

/** `GET /v1/orders`, who may, and the problems that are its own. */
function docOf(operation: Operation): string {
  const { method, path, description, problems } = operation
  const notes = [
    `\`${method} ${path}\`. ${accessSentence(operation)}`,
    description && (/[.!?]$/.test(description) ? description : `${description}.`),
    problems.length > 0 && `Problems: ${problems.join(', ')}.`,
  ]
  return docText(notes.filter(Boolean).join(' '), '  ')
}

/** An empty object has a type that nothing can be added to. */
function bodyText(name: string, body: Readonly<Record<string, FieldSpec>>, partial: boolean, types: Types): string {
  const schema = bodySchema(body, partial ? 'patch' : 'request', types.idRef)
  return Object.keys(schema.properties!).length === 0 ? 'Record<string, never>' : types.interface(name, schema)
}

function paramsText({ params }: Operation): string {
  return params.map(({ name }) => `${memberName(name)}: string`).join('; ')
}

function needed({ required = [] }: JsonSchema): string {
  return required.length > 0 ? '' : '?'
}

function queryText(query: Readonly<Record<string, FieldSpec>>, name: string, types: Types): string {
  const members = Object.entries(query).map(([param, spec]) => {
    const mark = spec.optional ? '?' : ''
    const many = spec.kind === 'list' ? `readonly ${grouped(oneText(spec.of!, types))}[]` : oneText(spec, types)
    const unset = spec.optional ? ' | undefined' : ''
    return `${docText(spec.description, '  ')}  ${memberName(param)}${mark}: ${many}${unset}\n`
  })
  const all = Object.values(query).every(({ optional }) => optional)
  return `query${all ? '?' : ''}: ${types.members(name, members.join(''))}`
}

/** What a list takes beside paging and `fields`: its sorts, and its filters. */
function listQuery(resource: Resource, name: string, types: Types): string {
  const { sort } = resource.list
  const sorts = sort.flatMap((field) => [literal(field), literal(`-${field}`)]).join(' | ')
  const members = [
    ...(sort.length === 0 ? [] : [`  sort?: OneOrMany<${sorts}> | undefined\n`]),
    ...filterParameters(resource).map(
      (filter) => `  ${memberName(filter.name)}?: ${filterText(filter, types)} | undefined\n`,
    ),
  ]
  return members.length === 0 ? '{}' : types.members(name, members.join(''))
}

function filterText({ comparison, spec }: FilterParameter, types: Types): string {
  switch (comparison) {
    case 'in': {
      return `OneOrMany<${oneText(spec, types)}>`
    }
    case 'min':
    case 'max':
      return 'number'
    case 'after':
    case 'before':
      return 'string | Date'
    case 'exists':
      return 'boolean'
    case 'search':
      return 'string'
  }
}

/** One value of a query: times also as dates. */
function oneText(spec: FieldSpec, types: Types): string {
  if (spec.kind === 'time') return 'string | Date'
  return typeText(valueSchema({ ...spec, nullable: false }, 'answer', types.idRef))
}

function grouped(type: string): string {
  return type.includes(' | ') ? `(${type})` : type
}
