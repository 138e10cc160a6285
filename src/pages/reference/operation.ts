import type { OperationObject, Parameter, ResponseObject } from '../../contract/documents/openapi-types.ts'
import { type Html, html, inline, prose } from '../html.ts'
import { breakable, methodBadge } from '../path.ts'
import { bodyFields } from './body.ts'
import { parameterFields } from './parameters.ts'
import type { Resolve } from './resolve.ts'
import { membersOf, typeOf } from './schema.ts'

/** An operation of a document with where it stands there. */
export interface Placed {
  readonly method: string
  readonly path: string
  readonly operation: OperationObject
}

/** One line, which opens to all that is known of it, and to a form that sends it. */
export function operationSection({ method, path, operation }: Placed, resolve: Resolve): Html {
  const { operationId: id, summary, description, requestBody, deprecated, security } = operation
  const parameters = operation.parameters.map((one) => resolve<Parameter>(one))
  return html`<details class="operation" id="${id}">
<summary><h3>${methodBadge(method)} <code class="path">${breakable(path)}</code></h3> <span class="says">${summary}</span>${
    deprecated && html` <span class="badge">deprecated</span>`
  } <span class="badge">${operation['x-lintel-access']}</span></summary>
<div class="inside">
${prose(description)}
<form data-method="${method}" data-path="${path}"${security.length > 0 && html` data-token`} aria-label="Try ${summary}">
${parameterFields(parameters, id, resolve)}
${requestBody !== undefined && bodyFields(requestBody, id, resolve)}
<p class="send"><button>Send request</button> <button type="button" class="quiet" data-copy>Copy as curl</button></p>
</form>
<section class="answer" aria-live="polite" aria-label="Answer of ${summary}" hidden></section>
<h4>Answers</h4>
${answerLists(operation, resolve)}
</div>
</details>
`
}

/** Errors stay folded: nearly all of them are the same everywhere. */
function answerLists({ responses }: OperationObject, resolve: Resolve): Html {
  const lines = Object.entries(responses).map(([status, one]) => ({
    status,
    line: answerLine(status, resolve<ResponseObject>(one), resolve),
  }))
  const errors = lines.filter(({ status }) => isError(status))
  return html`<ul class="answers">${lines.filter(({ status }) => !isError(status)).map(({ line }) => line)}</ul>
${
  errors.length > 0 &&
  html`<details class="folded"><summary>Errors: ${errors.map(({ status }) => status).join(', ')}</summary>
<ul class="answers">${errors.map(({ line }) => line)}</ul></details>`
}`
}

function answerLine(status: string, { description, content = {} }: ResponseObject, resolve: Resolve): Html {
  const [type, given] = Object.entries(content)[0] ?? []
  const badge = html`<strong class="status s${status[0]}">${status}</strong> ${inline(description)}`
  // What an error looks like is said once.
  if (given === undefined || isError(status)) return html`<li>${badge}</li>`
  const members = membersOf(given.schema, resolve)
  return html`<li>${badge} <span class="type">${
    type === 'application/json' ? typeOf(given.schema, resolve) : Object.keys(content).join(', ')
  }</span>${members !== undefined && html`<details class="folded"><summary>Fields</summary>${members}</details>`}</li>
`
}

function isError(status: string): boolean {
  return Number(status) >= 400
}
