import type { Contract } from '../../contract/contract.ts'
import { openapi } from '../../contract/documents/openapi.ts'
import { OVERVIEW_SCRIPT, STYLE } from '../assets.ts'
import { type Html, html } from '../html.ts'
import { type Page, pageOf } from '../page.ts'
import { eventsSection } from './events-section.ts'
import { type OperationLinks, serviceSection } from './service-section.ts'

export interface OverviewOptions {
  readonly title: string
  readonly systemVersion: string
  /** Whether mails are caught, to be read at `/dev/mails`. */
  readonly catchesMails: boolean
}

/** What a developer wants to see of a system that runs: a pure function of its contracts, whose script adds what is live. */
export function overviewPage(contracts: readonly Contract[], options: OverviewOptions): Page {
  const { title, systemVersion, catchesMails } = options
  const links = linksOf(contracts)
  const content = html`<a class="skip" href="#main">Skip to the content</a>
<header class="bar">
<p class="name"><strong>${title}</strong> ${systemVersion}</p>
<nav aria-label="Addresses">
<a href="docs">API reference</a>
<a href="openapi.json">OpenAPI</a>
<a href="asyncapi.json">AsyncAPI</a>
<a href="health">Health</a>
<a href="metrics">Metrics</a>
${catchesMails && html`<a href="dev/mails">Mails</a>`}
</nav>
<span class="badge">development</span>
</header>
<div class="columns">
<nav class="contents" aria-label="Contents">
<ul><li><a href="#health">Health</a></li><li><a href="#mails">Mails</a></li>${contracts.map(({ name }) => html`<li><a href="#service-${name}">${name}</a></li>`)}<li><a href="#events">Events</a></li></ul>
</nav>
<main id="main" tabindex="-1">
<h1>${title}</h1>
<p>This page is shown in development, and to this machine alone. <a href="docs">Try the API</a> in its reference.</p>
<section id="health" aria-labelledby="health-title"><h2 id="health-title">Health <span id="health-status" class="badge" role="status"></span></h2>
<div id="health-checks"><p>See <a href="health">/health</a>.</p></div></section>
<section id="mails" aria-labelledby="mails-title"><h2 id="mails-title">Mails</h2>
${mailsPart(catchesMails)}</section>
${contracts.map((contract) => serviceSection(contract, links))}
${eventsSection(contracts)}
</main>
</div>`
  return pageOf({ title, root: './', style: STYLE().path, script: OVERVIEW_SCRIPT().path, content })
}

function mailsPart(catchesMails: boolean): Html {
  if (!catchesMails)
    return html`<p>None is caught here: mails leave by <code>SMTP_URL</code>, or another process sends them.</p>`
  return html`<div id="mails-caught" aria-live="polite"><p>See <a href="dev/mails">/dev/mails</a>.</p></div>`
}

/** The place of each operation in the reference; internal ones have none. */
function linksOf(contracts: readonly Contract[]): OperationLinks {
  const items = Object.values(openapi(contracts, { version: 1 }).paths)
  const operations = items.flatMap((item) => Object.values(item))
  return new Map(operations.map((one) => [one['x-lintel-operation'], `docs#${one.operationId}`]))
}
