import type { ApiDocument, ApiOperation, ApiParameter } from '../../openapi/document.ts'
import { below, fieldsOf } from '../../openapi/spot.ts'
import type { RestComparison } from './rest-comparison.ts'

export function compareParameters(old: ApiOperation, now: ApiOperation, comparison: RestComparison): void {
  const { report } = comparison
  comparePathParameters(old, now, comparison)
  const before = named(old)
  const after = named(now)
  for (const [key, one] of before) {
    const same = after.get(key)
    const where = `${now.label} ${one.in} ${one.name}`
    if (same) compareParameter(one, same, where, comparison)
    else
      report(one.in === 'query' ? 'parameter-removed' : 'header-parameter-removed', where, 'is gone', one.spot, 'old')
  }
  for (const [key, one] of after) {
    if (before.has(key)) continue
    const kind = one.required ? 'parameter-required' : 'parameter-added'
    report(
      kind,
      `${now.label} ${one.in} ${one.name}`,
      one.required ? 'is new, and required' : 'is new',
      one.spot,
      'new',
    )
  }
}

/** Names of headers are the same in any case. */
function named({ parameters }: ApiOperation): Map<string, ApiParameter> {
  return new Map(
    parameters
      .filter((one) => one.in !== 'path')
      .map((one) => [`${one.in} ${one.in === 'header' ? one.name.toLowerCase() : one.name}`, one]),
  )
}

/** By their place in the path. */
function comparePathParameters(old: ApiOperation, now: ApiOperation, comparison: RestComparison): void {
  const before = placed(old)
  for (const [i, name] of placed(now).entries()) {
    const one = find(old, before[i]!)
    const same = find(now, name)
    if (before[i] !== name)
      comparison.report(
        'path-parameter-renamed',
        now.label,
        `has {${name}}, not {${before[i]}}, in its path`,
        same?.spot ?? now.spot,
        'new',
      )
    if (one && same) compareParameter(one, same, `${now.label} path ${name}`, comparison)
  }
}

function placed({ path }: ApiOperation): string[] {
  return [...path.template.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name!)
}

function find({ parameters }: ApiOperation, name: string): ApiParameter | undefined {
  return parameters.find((one) => one.in === 'path' && one.name === name)
}

function compareParameter(
  old: ApiParameter,
  now: ApiParameter,
  where: string,
  { old: before, now: after, schemas, report }: RestComparison,
): void {
  if (!old.required && now.required) report('parameter-required', where, 'is required now', now.spot, 'new')
  if (old.required && !now.required) report('parameter-optional', where, 'is optional now', now.spot, 'new')
  const [was, is] = [styleOf(old), styleOf(now)]
  if (was !== is && takesMany(old, before) && takesMany(now, after))
    report('parameter-style', where, `is written as ${is} now, not as ${was}`, now.spot, 'new')
  if (old.schema && now.schema) schemas.compare([old.schema], [now.schema], 'sent', where)
}

/** Only lists and objects are written in more than one way. */
function takesMany({ schema }: ApiParameter, { schemas }: ApiDocument): boolean {
  const types = schema && schemas.flat(schema).types
  return types === undefined || types.has('array') || types.has('object')
}

function styleOf({ in: place, spot }: ApiParameter): string {
  const { style = place === 'query' || place === 'cookie' ? 'form' : 'simple', explode = style === 'form' } =
    fieldsOf(spot)
  return `${style}${explode === true ? ', exploded' : ''}`
}

export function compareBodies(old: ApiOperation, now: ApiOperation, { schemas, report }: RestComparison): void {
  const where = `${now.label} body`
  const { body: before } = old
  const { body: after } = now
  if (before === undefined && after === undefined) return
  if (before === undefined) {
    const { required, spot } = after!
    report(required ? 'body-required' : 'body-added', where, required ? 'is new, and required' : 'is new', spot, 'new')
    return
  }
  if (after === undefined) {
    report('body-removed', where, 'is gone', before.spot, 'old')
    return
  }
  if (!before.required && after.required) report('body-required', where, 'is required now', after.spot, 'new')
  if (before.required && !after.required) report('body-optional', where, 'is optional now', after.spot, 'new')
  for (const one of before.content) {
    const same = after.content.find(({ type }) => type === one.type)
    if (!same)
      report('request-type-removed', where, `does not take ${one.type} any more`, below(before.spot, 'content'), 'old')
    else if (one.schema && same.schema) schemas.compare([one.schema], [same.schema], 'sent', `${where} `)
  }
  for (const one of after.content)
    if (!before.content.some(({ type }) => type === one.type))
      report('request-type-added', where, `takes ${one.type} too`, one.spot, 'new')
}
