import { type Html, html } from './html.ts'

export function methodBadge(method: string): Html {
  return html`<span class="method ${method.toLowerCase()}">${method}</span>`
}

/** A path may wrap after a slash: it is the longest word of a page. */
export function breakable(path: string): Html {
  return html`${path.split(/(?<=\/)/).map((part, i) => html`${i > 0 && html`<wbr>`}${part}`)}`
}
