/**
 * Whether a read may be answered with 304 (R-LOCK-3): `If-None-Match` names this tag, or `*`, which any thing matches. Weak comparison
 * (RFC 9110 13.1.2), so `W/"3"`, which a compressing proxy made of `"3"`, still matches. What is malformed matches nothing.
 */
export function matchesETag(ifNoneMatch: string, etag: string | undefined): boolean {
  if (ifNoneMatch === etag) return true
  const tags = readTags(ifNoneMatch)
  if (tags === '*') return true
  if (etag === undefined) return false
  const opaque = withoutWeak(etag)
  return tags.some((tag) => withoutWeak(tag) === opaque)
}

/**
 * Whether a request with `If-Match` may go on (R-REST-2): it names this tag, or `*`. Strong comparison (RFC 9110 13.1.1): a
 * weak tag matches nothing, nor does any where a thing has no tag.
 */
export function satisfiesIfMatch(ifMatch: string, etag: string | undefined): boolean {
  const strong = etag?.startsWith('W/') ? undefined : etag
  if (ifMatch === strong) return true
  const tags = readTags(ifMatch)
  return tags === '*' || (strong !== undefined && tags.includes(strong))
}

/**
 * The versions that an `If-Match` admits (R-LOCK-2), or that it admits any; undefined without the header. Strong comparison
 * (RFC 9110 13.1.1): weak tags, tags that are no version and malformed headers match nothing, so `versions` may be empty.
 */
export function readIfMatch(header: string | undefined): { any: true } | { versions: number[] } | undefined {
  if (header === undefined) return undefined
  const tags = readTags(header)
  if (tags === '*') return { any: true }
  return { versions: versionsOf(tags) }
}

/** The versions that an `If-None-Match` excludes from a write, or that it excludes any; weak tags too (RFC 9110 13.1.2). */
export function readIfNoneMatch(header: string | undefined): { any: true } | { versions: number[] } | undefined {
  if (header === undefined) return undefined
  const tags = readTags(header)
  return tags === '*' ? { any: true } : { versions: versionsOf(tags.map(withoutWeak)) }
}

/** Compared as tags are, by their text: "03" and "3.0" are no tags of version 3. */
function versionsOf(tags: readonly string[]): number[] {
  return tags.filter((tag) => /^"[1-9]\d{0,14}"$/.test(tag)).map((tag) => Number(tag.slice(1, -1)))
}

/** An entity tag may hold commas, so that the list cannot be split at them (RFC 9110 8.8.3). */
const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/y
const GAP = /[ \t]*(?:,[ \t]*)*/y

function readTags(header: string): string[] | '*' {
  if (header.trim() === '*') return '*'
  const tags: string[] = []
  let at = skip(header, 0)
  while (at < header.length) {
    TAG.lastIndex = at
    const tag = TAG.exec(header)?.[0]
    if (tag === undefined) return []
    tags.push(tag)
    const end = at + tag.length
    at = skip(header, end)
    // Two tags with no comma between them.
    if (at < header.length && !header.slice(end, at).includes(',')) return []
  }
  return tags
}

function skip(header: string, at: number): number {
  GAP.lastIndex = at
  return at + (GAP.exec(header)?.[0].length ?? 0)
}

function withoutWeak(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}
