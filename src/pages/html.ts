/** Markup. Whatever else is put into markup is text, and escaped. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** Undefined and false leave nothing. */
export type Part = Html | string | number | undefined | false | readonly Part[]

/** Markup with values in it: html`<p>${name}</p>`. In attributes they stand between double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, i) => text + textOf(values[i - 1]) + string))
}

function textOf(part: Part): string {
  if (part === undefined || part === false) return ''
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map(textOf).join('')
  return String(part).replace(/[&<>"]/g, (character) => ESCAPED[character]!)
}

const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text with `code` and [links](https://example.com) in it, as descriptions have them. */
export function inline(text: string): Html {
  const parts = text.split(/(`[^`]+`|\[[^\]]+\]\(https?:\/\/[^\s)]+\))/)
  return html`${parts.map((part, i) => (i % 2 === 0 ? part : marked(part)))}`
}

/** The same in paragraphs, which blank lines part. */
export function prose(text: string): Html {
  return html`${text.split(/\n\s*\n/).map((paragraph) => html`<p>${inline(paragraph)}</p>`)}`
}

function marked(part: string): Html {
  if (part.startsWith('`')) return html`<code>${part.slice(1, -1)}</code>`
  const [, label, url] = /^\[(.+)\]\((.+)\)$/.exec(part)!
  return html`<a href="${url}">${label}</a>`
}
