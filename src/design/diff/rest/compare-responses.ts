import type { ApiOperation, ApiResponse } from '../../openapi/document.ts'
import type { RestComparison } from './rest-comparison.ts'

export function compareResponses(old: ApiOperation, now: ApiOperation, comparison: RestComparison): void {
  const { report } = comparison
  for (const one of old.responses) {
    const where = `${now.label} ${one.status}`
    const same = now.responses.find(({ status }) => status === one.status)
    if (same) compareResponse(one, same, where, comparison)
    else if (isCovered(one.status, now)) continue
    else report(isSuccess(one.status) ? 'success-removed' : 'error-removed', where, 'is gone', one.spot, 'old')
  }
  for (const one of now.responses) {
    if (old.responses.some(({ status }) => status === one.status) || isCovered(one.status, old)) continue
    report(
      isSuccess(one.status) ? 'success-added' : 'error-added',
      `${now.label} ${one.status}`,
      'is new',
      one.spot,
      'new',
    )
  }
}

/** `default` stands for refusals: a success is declared. */
function isSuccess(status: string): boolean {
  return /^[23]/.test(status)
}

function isCovered(status: string, { responses }: ApiOperation): boolean {
  const declared = responses.map((one) => one.status)
  return declared.includes(`${status[0]}XX`) || (!isSuccess(status) && declared.includes('default'))
}

function compareResponse(old: ApiResponse, now: ApiResponse, where: string, { schemas, report }: RestComparison): void {
  for (const one of old.content) {
    const same = now.content.find(({ type }) => type === one.type)
    if (!same) report('response-type-removed', where, `has no ${one.type} any more`, one.spot, 'old')
    else if (one.schema && same.schema) schemas.compare([one.schema], [same.schema], 'read', `${where} `)
  }
  for (const one of now.content)
    if (!old.content.some(({ type }) => type === one.type))
      report('response-type-added', where, `has ${one.type} too`, one.spot, 'new')
  for (const [name, one] of old.headers) {
    const same = now.headers.get(name)
    const at = `${where} header ${one.name}`
    if (!same) report(one.required ? 'required-header-removed' : 'header-removed', at, 'is gone', one.spot, 'old')
    else if (one.schema && same.schema) schemas.compare([one.schema], [same.schema], 'read', at)
  }
  for (const [name, one] of now.headers)
    if (!old.headers.has(name)) report('header-added', `${where} header ${one.name}`, 'is new', one.spot, 'new')
}
