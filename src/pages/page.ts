import { type Html, html } from './html.ts'

/** What the gateway sends to a browser. */
export interface Page {
  readonly contentType: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

export interface PageParts {
  readonly title: string
  /** The way from this page to the root of the gateway: `./`, or `../` from `/v2/docs`. */
  readonly root: './' | '../'
  /** What it loads, from that root on: `_lintel/page.4f1d0c2a9b.css`. */
  readonly style: string
  readonly script: string
  readonly content: Html
}

/** Nothing from anywhere else, nothing inline, and no text that becomes markup in the browser. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data: 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/** A whole page, readable without its script. */
export function pageOf({ title, root, style, script, content }: PageParts): Page {
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${root}${style}">
<script src="${root}${script}" defer></script>
</head>
<body>
${content}
</body>
</html>
`
  return { contentType: 'text/html; charset=utf-8', body: body.text, headers: { 'content-security-policy': CSP } }
}
