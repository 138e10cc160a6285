/**
 * Makes texts of different runs comparable: what each run makes for itself, such as an id, becomes a name by the order in
 * which it first appears (`usr#1`), so the same id has the same name wherever it stands. Times of this run become `<time>`.
 */
export function normaliser(): (text: string) => string {
  const names = new Map<string, string>()
  const counts = new Map<string, number>()
  const nameOf = (kind: string, value: string) => {
    const known = names.get(value)
    if (known !== undefined) return known
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    names.set(value, `${kind}#${count}`)
    return names.get(value)!
  }
  return (text) =>
    text
      .replace(JWT, (token) => nameOf('jwt', token))
      .replace(ID, (id, prefix) => nameOf(prefix, id))
      .replace(UUID, (uuid) => nameOf('uuid', uuid))
      .replace(TRACE, (_, id) => `${nameOf('trace', id)}`)
      .replace(TIME, (time) => (isOfThisRun(time) ? '<time>' : time))
      .replace(OPAQUE, (value) => nameOf('opaque', value))
}

const JWT = /\beyJ[\w-]+\.[\w-]+\.[\w-]+/g
const ID = /\b(usr|ses|evt|tok|prd|crt|itm|ord|lin|req)_[0-9a-z]{26}\b/g
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g
const TRACE = /\b00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]\b/g
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g
/** Cursors, keys, hashes: base64url of 24 bytes and more, which no word of an answer is as long as. */
const OPAQUE = /(?<![\w/-])(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{32,}(?![\w/-])/g

/** A session ends after 30 days. */
const NEAR_MS = 40 * 86_400_000

function isOfThisRun(time: string): boolean {
  return Math.abs(Date.parse(time) - Date.now()) < NEAR_MS
}
