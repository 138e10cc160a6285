import type { JsonSchema } from '../../contract/documents/json-schema.ts'
import { type Html, html, inline } from '../html.ts'
import { type Resolve, refName } from './resolve.ts'

/** The members of an object, with those of the objects in it. */
export function membersOf(schema: JsonSchema, resolve: Resolve): Html | undefined {
  const { properties = {}, required = [], unevaluatedProperties } = resolve(schema)
  const names = Object.keys(properties)
  if (names.length === 0) return undefined
  // Of an answer, whose members are always there, that says nothing.
  const isRequired = (name: string) => unevaluatedProperties !== false && required.includes(name)
  return html`<dl class="members">${names.map((name) => member(name, properties[name]!, isRequired(name), resolve))}</dl>`
}

/** What a value is: `string, email, at most 254 characters`; a schema of the document by its name. */
export function typeOf(schema: JsonSchema, resolve: Resolve): Html {
  const name = refName(schema)
  if (name !== undefined) return html`<a href="#schema-${name}">${name}</a>${resolve(schema).pattern ? ' (id)' : ''}`
  const { anyOf, type, items, enum: values, const: only } = schema
  if (values !== undefined) return html`${values.length > 1 && 'one of '}${valuesOf(values)}`
  if (only !== undefined) return html`<code>${String(only)}</code>`
  if (type === undefined && anyOf !== undefined)
    return html`${joined(
      anyOf.map((one) => typeOf(one, resolve)),
      ' or ',
    )}`
  const kinds = typeof type === 'object' ? type : [type ?? 'any value']
  if (kinds[0] === 'array' && items !== undefined)
    return html`list of ${items.enum ? valuesOf(items.enum) : typeOf(items, resolve)}${bounds(schema)}`
  return html`${kinds.join(' or ')}${schema.format && `, ${schema.format}`}${bounds(schema)}`
}

function member(name: string, schema: JsonSchema, required: boolean, resolve: Resolve): Html {
  const inner = schema.properties ?? schema.items?.properties
  return html`<div>
<dt><code>${name}</code>${required && html` <em>required</em>`}${schema.readOnly && html` <em>read only</em>`}</dt>
<dd><span class="type">${typeOf(schema, resolve)}</span>${schema.default !== undefined && html`, <code>${JSON.stringify(schema.default)}</code> by default`}
${schema.description !== undefined && html`<p>${inline(schema.description)}</p>`}
${inner !== undefined && membersOf(schema.items?.properties ? schema.items : schema, resolve)}</dd>
</div>
`
}

/** Numbers that nobody would reach are the storage's, and say nothing. */
const BEYOND_INTEREST = 1e9

function bounds({ minLength, maxLength, minimum, maximum, minItems, maxItems }: JsonSchema): string {
  return [
    range(minLength, maxLength, ' characters'),
    range(minimum, maximum !== undefined && maximum < BEYOND_INTEREST ? maximum : undefined, ''),
    // An empty list is rarely meant.
    range(minItems === 1 && maxItems === undefined ? undefined : minItems, maxItems, ' values'),
  ].join('')
}

function range(low: number | undefined, high: number | undefined, unit: string): string {
  const from = low !== undefined && low > -BEYOND_INTEREST && !(unit !== '' && low === 0) ? low : undefined
  if (from !== undefined && high !== undefined)
    return from === high ? `, ${high}${unit}` : `, ${from} to ${high}${unit}`
  if (from !== undefined) return `, at least ${from}${unit}`
  return high === undefined ? '' : `, at most ${high}${unit}`
}

function valuesOf(values: readonly unknown[]): Html {
  return html`${joined(
    values.map((value) => html`<code>${String(value)}</code>`),
    ', ',
  )}`
}

function joined(parts: readonly Html[], between: string): (Html | string)[] {
  return parts.flatMap((part, i) => (i === 0 ? [part] : [between, part]))
}
