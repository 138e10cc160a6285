import { Fault } from '../../base/errors.ts'
import type { Contract } from '../contract.ts'
import { type About, infoOf } from './about.ts'
import { draftOf } from './draft.ts'
import type { OpenApiDocument, Server } from './openapi-types.ts'
import { pathsOf } from './paths.ts'

export interface OpenApiOptions {
  /** Version of the API; the newest by default. */
  readonly version?: number
  /** Name of the system; `API` by default. */
  readonly title?: string
  readonly about?: About
  /** The system's own version, such as `1.4.0`; the API's by default. */
  readonly systemVersion?: string
  /** Where that version is served; `/v2` for version 2 by default. Paths begin there. */
  readonly servers?: readonly Server[]
  /** Name of a service: its operations alone, under the names that they have in the whole. All by default. */
  readonly service?: string
}

/**
 * The whole system in one version of its API, as OpenAPI 3.1: every operation that is served to the outside, with
 * everything that it takes and every status and code that it answers with. A pure function of the contracts.
 *
 * Faults: `UNKNOWN_VERSION`; `ROUTE_CLASH` where two contracts serve the same method and path.
 */
export function openapi(contracts: readonly Contract[], options: OpenApiOptions = {}): OpenApiDocument {
  const newest = newestVersion(contracts)
  const version = options.version ?? newest
  if (!Number.isInteger(version) || version < 1 || version > newest)
    throw new Fault(
      'UNKNOWN_VERSION',
      `There is no version ${version} of this API: use 1${newest > 1 ? ` to ${newest}` : ''}`,
    )
  const draft = draftOf(contracts, version)
  const { service } = options
  const paths = pathsOf(service === undefined ? contracts : contracts.filter(({ name }) => name === service), draft)
  return {
    openapi: '3.1.0',
    info: infoOf(options.about ?? {}, {
      title: options.title ?? 'API',
      version: options.systemVersion ?? String(version),
      description: descriptionOf(version, newest),
    }),
    servers: options.servers ?? [{ url: `/v${version}` }],
    // The paths have said which groups there are, and what they share.
    tags: draft.tags.all(),
    paths,
    components: { ...draft.shared.components(), securitySchemes: SECURITY_SCHEMES },
  }
}

/** The newest version of the whole API: the highest that any of its services has (R-VER-1). */
export function newestVersion(contracts: readonly Contract[]): number {
  return Math.max(1, ...contracts.map(({ latest }) => latest))
}

const SECURITY_SCHEMES = {
  bearerAuth: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token. A bad one is refused (401) even where none is needed.',
  },
}

function descriptionOf(version: number, newest: number): string {
  return [
    `Version ${version} of ${newest}. Choose a version by path (\`/v1/…\`), by \`Accept: application/json;version=1\` or by \`?version=1\`, in this order; version 1 by default.`,
    'Unknown query parameters, unknown fields in bodies, NUL in text and duplicate keys are refused with 400. Numbers may have as many decimals as `x-lintel-decimals` says.',
    'HEAD and OPTIONS work wherever GET does. Every answer has `X-Request-Id`; every error has a stable `code`, those of a status in `x-lintel-codes`.',
    'With `Accept: application/problem+json` errors come as RFC 9457 has them: `type`, `title`, `status` and `detail` beside `code`, `details` and `requestId`.',
    'With `fields` an answer has those fields of its schema, and `id`.',
  ].join('\n\n')
}
