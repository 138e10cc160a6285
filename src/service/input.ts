import { Problem } from '../base/errors.ts'
import { readIfMatch, readIfNoneMatch } from '../base/etag.ts'
import { decodeUtf8, parseJson } from '../base/json.ts'
import type { Call } from '../call/call.ts'
import { acceptedTypes, type Operation } from '../contract/operation.ts'
import type { ExpectedVersion } from '../data/rows.ts'

/**
 * The body as JSON means it. Where nothing was sent, and not as JSON, that is `{}` for a POST, whose fields may all be
 * optional, and for what takes no body; a change has to say what it changes. Problems: 400 MALFORMED_JSON, 415.
 */
export function readBody(operation: Operation, { body, contentType }: Call): unknown {
  if (body !== undefined && !(body instanceof Uint8Array)) return body.value
  if (body === undefined || body.length === 0) {
    if (operation.body === undefined) return {}
    if (contentType === undefined && operation.method === 'POST') return {}
    throw new Problem('MALFORMED_JSON', 'The body is missing: send JSON, such as {}')
  }
  if (!isJson(contentType, operation)) throw unsupported(operation)
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

function unsupported({ method }: Operation): Problem {
  const types = acceptedTypes(method)
  return new Problem('UNSUPPORTED_MEDIA_TYPE', `Send ${types.join(' or ')}, in UTF-8`, {
    headers: { accept: types.join(', '), ...(method === 'PATCH' ? { 'accept-patch': types.join(', ') } : {}) },
  })
}

/**
 * Which versions a write may meet: `version` of the body, `If-Match` and `If-None-Match` (RFC 9110 13.1). To make a thing
 * there is none to meet: POST to a collection ignores both headers.
 */
export function readExpected(
  operation: Operation,
  { ifMatch, ifNoneMatch }: Call,
  version: number | undefined,
): ExpectedVersion | undefined {
  const byHeader =
    (ifMatch !== undefined || ifNoneMatch !== undefined) && (operation.method !== 'POST' || operation.on !== undefined)
  if (!byHeader) return version === undefined ? undefined : { version }
  const wanted = readIfMatch(ifMatch)
  const unwanted = readIfNoneMatch(ifNoneMatch)
  const expected = {
    ...(version === undefined ? {} : { version }),
    ...(wanted && 'versions' in wanted ? { ifMatch: wanted.versions } : {}),
    ...(unwanted && 'versions' in unwanted ? { ifNoneMatch: unwanted.versions } : {}),
  }
  return Object.keys(expected).length === 0 ? undefined : expected
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
