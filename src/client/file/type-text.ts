import type { JsonSchema } from '../../contract/documents/json-schema.ts'

/** A schema as TypeScript, members of objects each on a line of its own. Names of other schemas are those of their types. */
export function typeText(schema: JsonSchema, indent = ''): string {
  const kinds = [schema.type ?? []].flat()
  if (schema.$ref !== undefined) return schema.$ref
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => typeText(one, indent)).join(' | ')
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ')
  return kinds.map((kind) => kindText(kind, schema, indent)).join(' | ')
}

/** The members of an object, one a line, with what is said of each. */
export function membersText({ properties = {}, required = [] }: JsonSchema, indent = ''): string {
  return Object.entries(properties)
    .map(([name, schema]) => {
      const mark = required.includes(name) ? '' : '?'
      return `${docText(schema.description, indent)}${indent}${memberName(name)}${mark}: ${typeText(schema, indent)}\n`
    })
    .join('')
}

/** A comment, or nothing. */
export function docText(text: string | undefined, indent = ''): string {
  if (text === undefined || text === '') return ''
  const lines = text.replaceAll('*/', '*\\/').split('\n')
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`
}

export function memberName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name)
}

export function literal(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

function kindText(kind: string, schema: JsonSchema, indent: string): string {
  switch (kind) {
    case 'integer':
      return 'number'
    case 'array': {
      const item = typeText(schema.items ?? {}, indent)
      return item.includes(' | ') && !item.startsWith('{') ? `(${item})[]` : `${item}[]`
    }
    case 'object':
      return `{\n${membersText(schema, `${indent}  `)}${indent}}`
    default:
      return kind
  }
}
