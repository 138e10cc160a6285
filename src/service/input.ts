import { Problem } from '../base/errors.ts'
import { readIfMatch } from '../base/etag.ts'
import { decodeUtf8, parseJson } from '../base/json.ts'
import type { Operation } from '../contract/operation.ts'
import type { Expected } from '../data/rows.ts'
import type { ServiceRequest } from './request.ts'

/** The body as JSON means it; `{}` where nothing was sent. Problems: 400 MALFORMED_JSON, 415. */
export function readBody(request: ServiceRequest): unknown {
  const { body, contentType } = request
  if (body === undefined) return {}
  if (!(body instanceof Uint8Array)) return body.value
  if (body.length === 0 && contentType === undefined) return {}
  if (!isJson(contentType, request.operation))
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', unsupported(request.operation))
  return parseJson(decodeUtf8(body))
}

function isJson(contentType: string | undefined, operation: Operation): boolean {
  if (contentType === 'application/json') return true
  if (contentType === undefined) return false
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase())
  if (type !== 'application/json' && !(type === 'application/merge-patch+json' && operation.method === 'PATCH'))
    return false
  return parameters.every((one) => one === '' || !one.startsWith('charset=') || /^charset="?utf-8"?$/.test(one))
}

function unsupported(operation: Operation): string {
  return operation.method === 'PATCH'
    ? 'Send application/merge-patch+json or application/json, in UTF-8'
    : 'Send application/json, in UTF-8'
}

/** Which versions a write may meet: `version` of the body, and `If-Match` (RFC 9110, 13.1.1). */
export function readExpected(version: number | undefined, ifMatch: string | undefined): Expected | undefined {
  const tags = readIfMatch(ifMatch)
  const named = tags && 'versions' in tags ? tags.versions : undefined
  if (version === undefined && named === undefined) return undefined
  return { ...(version === undefined ? {} : { version }), ...(named === undefined ? {} : { ifMatch: named }) }
}

/** 1 to 255 printable ASCII characters (R-IDEM-1). */
export function readIdempotencyKey(key: string | undefined): string | undefined {
  if (key === undefined) return undefined
  if (!/^[\x20-\x7e]{1,255}$/.test(key))
    throw new Problem('VALIDATION_ERROR', undefined, {
      details: [{ field: 'Idempotency-Key', message: 'must have 1 to 255 printable characters' }],
    })
  return key
}
