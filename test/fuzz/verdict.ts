import type { JsonSchema } from '../../src/contract/documents/json-schema.ts'
import type { Parameter } from '../../src/contract/documents/openapi-types.ts'
import { isWellFormed } from './arbitrary-value.ts'
import type { Described } from './document.ts'
import type { Sent } from './sent.ts'

/** What a document says of a request. What it leaves open is `unsaid`. */
export type Verdict = { readonly says: 'valid' | 'unsaid' } | { readonly says: 'invalid'; readonly why: string }

/** Judges a request by its document alone; the state of things (is there such a cart?) is no part of it. */
export function verdictOn(sent: Sent, described: Described): Verdict {
  if (sent.operation.isRoute) return routeVerdict(sent)
  const verdicts = [
    ...pathVerdicts(sent, described),
    ...queryVerdicts(sent, described),
    ...headerVerdicts(sent, described),
    bodyVerdict(sent, described),
  ]
  return verdicts.find(({ says }) => says === 'invalid') ?? verdicts.find(({ says }) => says === 'unsaid') ?? VALID
}

/** Of a route it says where it is, and of which types its bodies are. */
function routeVerdict({ operation, headers, body }: Sent): Verdict {
  const type = (headers['content-type'] ?? '').toLowerCase().split(';')[0]!.trim()
  return body && !operation.body?.content[type] ? invalid(`a body of type "${type}"`) : UNSAID
}

const VALID: Verdict = { says: 'valid' }
const UNSAID: Verdict = { says: 'unsaid' }

function invalid(why: string): Verdict {
  return { says: 'invalid', why }
}

function by(schema: JsonSchema, value: unknown, what: string, described: Described): Verdict {
  const faults = described.faults(schema, value)
  return faults.length === 0 ? VALID : invalid(`${what}: ${faults.join(', ')}`)
}

function pathVerdicts({ operation, params }: Sent, described: Described): Verdict[] {
  return operation.parameters
    .filter((one) => one.in === 'path')
    .map(({ name, schema }) => by(schema, params[name], `path ${name}`, described))
}

function queryVerdicts({ operation, query }: Sent, described: Described): Verdict[] {
  const given = new Map(operation.parameters.filter((one) => one.in === 'query').map((one) => [one.name, one]))
  return [...new Set(query.map(([name]) => name))].map((name) => {
    const texts = query.filter((pair) => pair[0] === name).map(([, text]) => text)
    const parameter = given.get(name)
    if (name === 'sort' && parameter) return sortVerdict(parameter, texts.join(','), described)
    if (texts.length > 1 && !isList(parameter, described)) return invalid(`query ${name} twice`)
    // Of every operation, by the document's introduction.
    if (name === 'version') return /^[12]$/.test(texts[0]!) ? VALID : invalid(`version ${texts[0]}`)
    if (!parameter) return invalid(`query ${name} is unknown`)
    if (!texts.every(isText)) return invalid(`query ${name} is no text`)
    return queryVerdict(parameter, texts, described)
  })
}

/** One text, which may come in several; that each field is there once, the document says in words (R-SORT-1). */
function sortVerdict({ schema }: Parameter, text: string, described: Described): Verdict {
  const fields = text.split(',').map((term) => term.replace(/^[+-]/, ''))
  if (new Set(fields).size < fields.length) return invalid(`query sort: ${text} has a field twice`)
  return by(schema, text, 'query sort', described)
}

function isList(parameter: Parameter | undefined, described: Described): boolean {
  return parameter !== undefined && described.look(parameter.schema).type === 'array'
}

/** A list may be repeated whatever its style: what is joined by commas is only split where it says so (R-FILTER-1). */
function queryVerdict({ name, schema: given, explode }: Parameter, texts: string[], described: Described): Verdict {
  const schema = described.look(given)
  const text = texts[0]!
  if (schema.type === 'array')
    return by(schema, explode === false ? texts.flatMap((one) => one.split(',')) : texts, `query ${name}`, described)
  if (schema.type === 'boolean')
    return text === 'true' || text === 'false' ? VALID : invalid(`query ${name} is not true or false`)
  if (schema.type !== 'integer' && schema.type !== 'number') return by(schema, text, `query ${name}`, described)
  if (!/^-?\d+(\.\d+)?$/.test(text)) return invalid(`query ${name} is no number`)
  // 007, 1.0 and more digits than a number has are written otherwise by whoever means the number.
  return String(Number(text)) === text ? by(schema, Number(text), `query ${name}`, described) : UNSAID
}

function headerVerdicts({ operation, headers, body }: Sent, described: Described): Verdict[] {
  // What stands in a quoted string is one value of a parameter, whatever it looks like.
  const accept = (headers.accept ?? '').replace(/"[^"]*"/g, '')
  const verdicts = [/version=(?![12](?:[;,]|$))/.test(accept) ? invalid(`Accept: ${accept}`) : VALID]
  if (body && headers['content-encoding'] !== undefined) verdicts.push(invalid('Content-Encoding'))
  for (const { name, schema, in: where } of operation.parameters) {
    const value = headers[name.toLowerCase()]
    // Of another form, a request id and an entity tag are not refused: the one is replaced, the other matches nothing.
    if (where !== 'header' || value === undefined || name !== 'Idempotency-Key') continue
    verdicts.push(by(schema, value.replace(/^[ \t]+|[ \t]+$/g, ''), name, described))
  }
  return verdicts
}

function bodyVerdict({ operation, headers, body }: Sent, described: Described): Verdict {
  const wanted = operation.body
  if (!body) {
    if (wanted?.required) return invalid('there is no body')
    // A Content-Type announces a body, which then is missing.
    return wanted && headers['content-type'] !== undefined ? UNSAID : VALID
  }
  if (!wanted) return operation.method === 'GET' || operation.method === 'DELETE' ? invalid('a body') : UNSAID
  const [type, ...parameters] = (headers['content-type'] ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const media = wanted.content[type!]
  if (!media) return invalid(`a body of type "${type}"`)
  if (body.json === undefined) return invalid('a body that is no JSON object')
  if (!everyText(body.json.value, isText)) return invalid('NUL or half a surrogate pair in the body')
  const verdict = by(media.schema, body.json.value, 'body', described)
  return verdict.says === 'valid' && parameters.some((one) => one !== 'charset=utf-8') ? UNSAID : verdict
}

function isText(text: string): boolean {
  return isWellFormed(text) && !text.includes('\0')
}

function everyText(value: unknown, holds: (text: string) => boolean): boolean {
  if (typeof value === 'string') return holds(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, member]) => holds(name) && everyText(member, holds))
}
