import { isFields } from './spot.ts'

/** What a document is: the version of an OpenAPI or AsyncAPI, or what it seems to be instead, and what to do about it. */
export type Kind =
  | { readonly kind: 'openapi' | 'asyncapi'; readonly version: string }
  | { readonly kind: 'other'; readonly seems: string; readonly advice: string }

const OPENAPI = 'give an OpenAPI 3.0 or 3.1 document, JSON or YAML'

/** By its members. */
export function recognise(value: unknown): Kind {
  if (!isFields(value)) return other(typeof value === 'string' ? 'plain text' : 'not an object', OPENAPI)
  const { openapi, swagger, asyncapi, info } = value
  if (openapi !== undefined) {
    // In YAML an unquoted 3.0 is the number 3.
    if (/^3(\.[012](\.\d+)?(-[\w.]+)?)?$/.test(String(openapi))) return { kind: 'openapi', version: String(openapi) }
    return other(`OpenAPI ${JSON.stringify(openapi)}`, 'give a document of OpenAPI 3.0 or 3.1')
  }
  if (swagger !== undefined)
    return other(`Swagger ${swagger}`, 'convert it to OpenAPI 3 first: npx swagger2openapi, or editor.swagger.io')
  if (asyncapi !== undefined) return { kind: 'asyncapi', version: String(asyncapi) }
  if (isFields(info) && String(info.schema ?? '').includes('getpostman'))
    return other('a Postman collection', 'export OpenAPI 3 from Postman')
  if (value.$schema !== undefined || value.properties !== undefined)
    return other('a JSON Schema', `${OPENAPI}, which may refer to it`)
  if (value.swaggerVersion !== undefined) return other('Swagger 1', 'convert it to OpenAPI 3 first')
  if (value.kind === 'discovery#restDescription') return other('a Google discovery document', OPENAPI)
  if (value.apiVersion !== undefined && value.kind !== undefined) return other('a Kubernetes manifest', OPENAPI)
  if (value.dependencies !== undefined || value.devDependencies !== undefined) return other('a package.json', OPENAPI)
  return other('an object without `openapi`', `begin it with openapi: 3.1.0, or ${OPENAPI}`)
}

/** By how a text begins, where it is neither JSON nor YAML, or is no document of ours. Undefined: nobody can tell. */
export function recogniseText(text: string): Kind | undefined {
  const start = text
    .replace(/^\uFEFF/, '')
    .trimStart()
    .slice(0, 400)
  if (start === '') return other('empty', OPENAPI)
  if (/^(<!doctype html|<html)/i.test(start))
    return other('an HTML page', 'save the document itself, not the page that shows it')
  if (/^<\?xml|^<(\w+:)?(definitions|application)\b/i.test(start)) return other('XML (WSDL or WADL)', OPENAPI)
  if (start.startsWith('#%RAML')) return other('RAML', 'convert it to OpenAPI 3 first')
  if (/^syntax\s*=\s*"proto/.test(start)) return other('protobuf', `${OPENAPI}; \`lintel diff\` reads protobuf`)
  if (/^(type|schema|interface|extend type)\s+\w*\s*\{/.test(start)) return other('a GraphQL schema', OPENAPI)
  return undefined
}

function other(seems: string, advice: string): Kind {
  return { kind: 'other', seems, advice }
}

/** What is wrong with an AsyncAPI document for us; undefined for those of version 3, and for OpenAPI. */
export function asyncapiFault(kind: Kind): string | undefined {
  if (kind.kind !== 'asyncapi' || kind.version.startsWith('3')) return undefined
  return `is AsyncAPI ${kind.version}: convert it to AsyncAPI 3, with @asyncapi/converter for one`
}
