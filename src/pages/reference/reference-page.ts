import type { JsonSchema } from '../../contract/documents/json-schema.ts'
import type { OpenApiDocument } from '../../contract/documents/openapi-types.ts'
import { REFERENCE_SCRIPT, STYLE } from '../assets.ts'
import { type Html, html, inline, prose } from '../html.ts'
import { type Page, pageOf } from '../page.ts'
import { operationSection, type Placed } from './operation.ts'
import { type Resolve, resolverOf } from './resolve.ts'
import { membersOf, typeOf } from './schema.ts'
import { signInForm } from './sign-in.ts'

export interface ReferenceOptions {
  /** The version that it is about; undefined: the one that is served without a version in the path. */
  readonly version: number | undefined
  readonly newest: number
}

/**
 * An API reference for people, with a form for every operation that sends real requests. A pure function of the document.
 * Ids of its own have a hyphen: operations, which have theirs, are in camelCase.
 */
export function referencePage(document: OpenApiDocument, { version, newest }: ReferenceOptions): Page {
  const { info, components } = document
  const resolve = resolverOf(components)
  const operations = placedOf(document)
  const root = version === undefined ? './' : '../'
  const content = html`<a class="skip" href="#all-operations">Skip to the operations</a>
<header class="bar">
<p class="name"><strong>${info.title}</strong> ${info.version}</p>
<nav aria-label="Versions">${versionLinks(root, version, newest)}</nav>
${signInForm(operations, resolve)}
</header>
<div class="columns">
<nav class="contents" aria-label="Contents">
<label for="find-operation">Find an operation</label>
<input type="search" id="find-operation" autocomplete="off" spellcheck="false">
<ul>${document.tags.map(({ name }) => html`<li><a href="#${slug(name)}">${name}</a></li>`)}<li><a href="#all-schemas">Schemas</a></li></ul>
</nav>
<main id="all-operations" tabindex="-1">
<h1>${info.title} API</h1>
${prose(info.description)}
<p>As documents: <a href="openapi.json">OpenAPI</a>, <a href="${root}asyncapi.json">AsyncAPI</a>.</p>
<p id="nothing-found" role="status" hidden>No operation has that in its method, path or summary.</p>
${document.tags.map((tag) => tagSection(tag, operations, resolve))}
<section id="all-schemas"><h2>Schemas</h2>
${Object.entries(components.schemas).map(([name, schema]) => schemaSection(name, schema, resolve))}</section>
</main>
</div>`
  return pageOf({ title: `${info.title} API`, root, style: STYLE().path, script: REFERENCE_SCRIPT().path, content })
}

function placedOf({ paths }: OpenApiDocument): Placed[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

function versionLinks(root: string, version: number | undefined, newest: number): Html[] {
  const link = (href: string, label: string, isCurrent: boolean) =>
    html`<a href="${root}${href}"${isCurrent && html` aria-current="page"`}>${label}</a> `
  const numbers = Array.from({ length: newest }, (_, i) => i + 1)
  return [
    link('docs', 'Without a version', version === undefined),
    ...numbers.map((number) => link(`v${number}/docs`, `Version ${number}`, version === number)),
  ]
}

function tagSection(
  { name, description }: OpenApiDocument['tags'][number],
  operations: readonly Placed[],
  resolve: Resolve,
): Html {
  const own = operations.filter(({ operation }) => operation.tags.includes(name))
  return html`<section class="tag" id="${slug(name)}"><h2>${name}</h2>
${description !== undefined && html`<p>${inline(description)}</p>`}
${own.map((one) => operationSection(one, resolve))}</section>
`
}

function schemaSection(name: string, schema: JsonSchema, resolve: Resolve): Html {
  return html`<details class="operation" id="schema-${name}"><summary><h3><code>${name}</code></h3></summary>
<div class="inside">${schema.description !== undefined && html`<p>${inline(schema.description)}</p>`}
${membersOf(schema, resolve) ?? html`<p class="type">${typeOf(schema, resolve)}</p>`}${
  schema.pattern !== undefined && html`<p>Pattern: <code>${schema.pattern}</code></p>`
}</div></details>
`
}

function slug(name: string): string {
  return `tag-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`
}
