import { isInternal } from '../../contract/access.ts'
import type { Contract } from '../../contract/contract.ts'
import { accessRule } from '../../contract/documents/wording.ts'
import type { JobSpec } from '../../contract/job.ts'
import type { Operation } from '../../contract/operation.ts'
import { type Html, html, inline } from '../html.ts'
import { breakable, methodBadge } from '../path.ts'

/** Where an operation is described, by its id. */
export type OperationLinks = ReadonlyMap<string, string>

/** What a service offers, and to whom; and what it does of its own accord. */
export function serviceSection({ name, description, served, jobs }: Contract, links: OperationLinks): Html {
  const id = `service-${name}`
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>
${description !== undefined && html`<p>${inline(description)}</p>`}
<table><caption>Routes</caption>
<thead><tr><th scope="col">Method</th><th scope="col">Path</th><th scope="col">Open to</th></tr></thead>
<tbody>${served.map((operation) => routeRow(operation, links))}</tbody></table>
${Object.keys(jobs).length > 0 && jobList(jobs)}</section>
`
}

function routeRow({ id, method, path, access }: Operation, links: OperationLinks): Html {
  const link = links.get(id)
  const place = html`<code>${breakable(path)}</code>`
  return html`<tr><td>${methodBadge(method)}</td><td>${link === undefined ? place : html`<a href="${link}">${place}</a>`}</td>
<td>${isInternal(access) ? 'other services only' : accessRule(access).replaceAll(' | ', ', ')}</td></tr>
`
}

function jobList(jobs: Readonly<Record<string, JobSpec>>): Html {
  const lines = Object.entries(jobs).map(
    ([name, { everyMs }]) =>
      html`<li><code>${name}</code>${everyMs !== undefined && `, every ${inWords(everyMs)}`}</li>`,
  )
  return html`<h3>Jobs</h3><ul>${lines}</ul>`
}

function inWords(ms: number): string {
  const units = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second'],
  ] as const
  const [length, unit] = units.find(([length]) => ms >= length && ms % length === 0) ?? [1, 'millisecond']
  const count = ms / length
  return count === 1 ? unit : `${count} ${unit}s`
}
