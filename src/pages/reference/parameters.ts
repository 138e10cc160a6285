import type { JsonSchema } from '../../contract/documents/json-schema.ts'
import type { Parameter } from '../../contract/documents/openapi-types.ts'
import { type Html, html, inline } from '../html.ts'
import type { Resolve } from './resolve.ts'
import { typeOf } from './schema.ts'

/** Fields to fill in. Headers, which are the same nearly everywhere, stay folded. */
export function parameterFields(parameters: readonly Parameter[], operation: string, resolve: Resolve): Html {
  const fields = (of: readonly Parameter[]) =>
    html`<div class="fields">${of.map((one) => parameterField(one, operation, resolve))}</div>`
  const headers = parameters.filter((one) => one.in === 'header')
  const others = parameters.filter((one) => one.in !== 'header')
  return html`${others.length > 0 && html`<fieldset><legend>Parameters</legend>${fields(others)}</fieldset>`}
${headers.length > 0 && html`<details class="folded"><summary>Headers</summary>${fields(headers)}</details>`}`
}

function parameterField(parameter: Parameter, operation: string, resolve: Resolve): Html {
  const { name, description, required = false } = parameter
  const schema = resolve(parameter.schema)
  const id = `${operation}-${parameter.in}-${name}`
  return html`<div class="field">
<label for="${id}"><code>${name}</code>${required && html` <em>required</em>`}</label>
${input(parameter, schema, id)}
<p class="hint" id="${id}-hint">${choicesOf(schema) === undefined && html`${typeOf(parameter.schema, resolve)}${isList(schema) && ', separated by commas'}. `}${
    description !== undefined && inline(description)
  }</p>
</div>
`
}

/** What is sent is what its name and place say: `data-in`; of lists that are not joined each value by itself. */
function input({ name, required, explode, in: place }: Parameter, schema: JsonSchema, id: string): Html {
  const repeated = isList(schema) && explode !== false
  const about = html`id="${id}" name="${name}" data-in="${place}" aria-describedby="${id}-hint"${required && html` required`}${repeated && html` data-repeated`}`
  const choices = choicesOf(schema)
  if (choices !== undefined)
    return html`<select ${about}><option value=""></option>${choices.map((one) => html`<option>${String(one)}</option>`)}</select>`
  const example = schema.examples?.[0] ?? schema.default
  return html`<input ${about} autocomplete="off" spellcheck="false"${example !== undefined && html` placeholder="${String(example)}"`}>`
}

function choicesOf({ type, enum: values }: JsonSchema): readonly unknown[] | undefined {
  return type === 'boolean' ? [true, false] : values
}

function isList({ type }: JsonSchema): boolean {
  return type === 'array'
}
