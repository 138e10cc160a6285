import type { RequestBody } from '../../contract/documents/openapi-types.ts'
import { type Html, html, inline } from '../html.ts'
import { exampleOf } from './example.ts'
import type { Resolve } from './resolve.ts'
import { membersOf } from './schema.ts'

/** A body to write, which begins with an example, or a file to choose where the type is no text. */
export function bodyFields({ content, description, required }: RequestBody, operation: string, resolve: Resolve): Html {
  const types = Object.keys(content)
  const { schema } = content[types[0]!]!
  const id = `${operation}-body`
  const isFile = !types.some(isText)
  const example = types.some((type) => /json/.test(type)) && resolve(schema).type === 'object'
  const text = example ? JSON.stringify(exampleOf(schema, resolve), null, 2) : ''
  const members = membersOf(schema, resolve)
  return html`<fieldset><legend>Body</legend>
${description !== undefined && html`<p>${inline(description)}</p>`}
${members !== undefined && html`<details class="folded"><summary>Fields</summary>${members}</details>`}
<div class="field">
<label for="${id}">${isFile ? 'File' : 'Content'}${required && html` <em>required</em>`}</label>
${
  isFile
    ? html`<input type="file" id="${id}" data-in="body">`
    : html`<textarea id="${id}" data-in="body" rows="${rowsOf(text)}" spellcheck="false" autocomplete="off" autocapitalize="off">${text}</textarea>`
}
</div>
${typeField(types, `${id}-type`)}
</fieldset>`
}

function typeField(types: readonly string[], id: string): Html {
  if (types.length === 1) return html`<input type="hidden" data-in="type" value="${types[0]}">`
  const options = types.map((type) => html`<option${type === 'application/json' && html` selected`}>${type}</option>`)
  return html`<div class="fields"><div class="field"><label for="${id}"><code>Content-Type</code></label>
<select id="${id}" data-in="type">${options}</select></div></div>`
}

function isText(type: string): boolean {
  return /^text\/|json|xml|x-www-form-urlencoded/.test(type)
}

function rowsOf(text: string): number {
  return Math.min(Math.max(text.split('\n').length, 3), 16)
}
