import { Fault } from '../base/errors.ts'
import type { Port, ServicePort } from '../call/call.ts'
import { isInternal } from '../contract/access.ts'
import type { Contract } from '../contract/contract.ts'
import type { Operation, ServedMethod } from '../contract/operation.ts'
import type { Template } from './lookalikes.ts'
import type { OwnPath } from './own-paths.ts'
import type { RemoteUpstream } from './remote.ts'
import { compareMixed, type MixedSegment, matchMixed, readSegment } from './template.ts'

/** The part of a contract that the gateway needs; for a service that is described by a foreign file, there is no more. */
export type RoutedContract = Pick<Contract, 'name' | 'served' | 'problems' | 'latest' | 'older'>

/** A service as the gateway sees it: what it promises, and what takes its calls, by the contract's name. */
export interface Mounted {
  readonly contract: RoutedContract
  readonly upstream: ServicePort | RemoteUpstream
}

/** One of `port` and `remote` is there. */
export interface Route {
  readonly contract: RoutedContract
  readonly operation: Operation
  /** Takes calls whole, once they have arrived. */
  readonly port: Port | undefined
  /** Takes the exchange, and streams. */
  readonly remote: RemoteUpstream | undefined
}

/** A path template with all that is offered there. Its parameters' names are each operation's own. */
export interface Place {
  readonly service: string
  readonly routes: Partial<Record<ServedMethod, Route>>
  /** For 405 and OPTIONS: `GET, HEAD, POST, OPTIONS`. */
  readonly allow: string
}

export interface Router {
  /**
   * The place of a decoded path and the values of its parameters, in order. In each segment a literal goes before text with
   * parameters in it, and that before a parameter. Undefined where there is none, and where the gateway itself answers.
   */
  route(segments: readonly string[]): { place: Place; params: string[] } | undefined
  /** All that is routed, and what is the gateway's own, which has no routes. */
  readonly templates: readonly Template[]
}

/**
 * Routes by the templates of the contracts' operations (R-GW-1), not by prefix: `/users/{id}/orders` is the orders service's
 * though `/users` is not. Fault ROUTE_CLASH when two services claim one place, or one of the gateway's own (`own`).
 */
export function createRouter(services: readonly Mounted[], own: readonly OwnPath[] = []): Router {
  const root = newNode()
  for (const one of own) keep(root, one)
  for (const { contract, upstream } of services) {
    const place =
      'forward' in upstream ? { port: undefined, remote: upstream } : { port: upstream.port, remote: undefined }
    for (const operation of contract.served)
      if (!isInternal(operation.access)) mount(root, { contract, operation, ...place })
  }
  return {
    route(segments) {
      const params: string[] = []
      const place = find(root, segments, 0, params)
      return place === undefined || place === OWN ? undefined : { place, params }
    },
    templates: templatesIn(root, []),
  }
}

/** Throws ROUTE_CLASH as `createRouter` would, before there is anything to route to. */
export function checkRoutes(contracts: readonly RoutedContract[], own: readonly OwnPath[]): void {
  const root = newNode()
  for (const one of own) keep(root, one)
  for (const contract of contracts)
    for (const operation of contract.served)
      if (!isInternal(operation.access)) mount(root, { contract, operation, port: undefined, remote: undefined })
}

interface Node {
  readonly literals: Map<string, Node>
  /** The one with the most text first; undefined where there are none, as in all contracts. */
  mixed: { readonly segment: MixedSegment; readonly node: Node }[] | undefined
  parameter: Node | undefined
  place: Place | undefined
  /** All that is below is the gateway's own. */
  kept: boolean
}

function newNode(): Node {
  return { literals: new Map(), mixed: undefined, parameter: undefined, place: undefined, kept: false }
}

/** The place of what is the gateway's own. */
const OWN: Place = { service: '', routes: {}, allow: '' }

function keep(root: Node, { path, below }: OwnPath): void {
  let node = root
  for (const segment of path.split('/').slice(1)) node = step(node, segment)
  node.place = OWN
  node.kept = below
}

function find(node: Node, segments: readonly string[], depth: number, params: string[]): Place | undefined {
  if (depth === segments.length) return node.place
  if (node.kept) return OWN
  const segment = segments[depth]!
  const literal = node.literals.get(segment)
  if (literal !== undefined) {
    const found = find(literal, segments, depth + 1, params)
    if (found !== undefined) return found
  }
  if (node.mixed !== undefined)
    for (const mixed of node.mixed) {
      const values = matchMixed(mixed.segment, segment)
      if (values === undefined) continue
      const before = params.length
      params.push(...values)
      const found = find(mixed.node, segments, depth + 1, params)
      if (found !== undefined) return found
      params.length = before
    }
  // An empty segment is a trailing slash, and no value.
  if (node.parameter === undefined || segment === '') return undefined
  params.push(segment)
  const found = find(node.parameter, segments, depth + 1, params)
  if (found === undefined) params.pop()
  return found
}

function mount(root: Node, route: Route): void {
  const { operation, contract } = route
  let node = root
  let kept = false
  for (const segment of operation.segments) {
    node = step(node, segment)
    kept ||= node.kept
  }
  const taken = node.place
  if (kept || taken === OWN)
    throw new Fault(
      'ROUTE_CLASH',
      `The service "${contract.name}" serves ${operation.path}, where the gateway itself answers. Give it another path`,
    )
  if (taken && (taken.service !== contract.name || taken.routes[operation.method]))
    throw new Fault(
      'ROUTE_CLASH',
      `The services "${taken.service}" and "${contract.name}" both serve ${operation.path}. One of them must give it another path`,
    )
  const routes = { ...taken?.routes, [operation.method]: route }
  node.place = { service: contract.name, routes, allow: allowOf(routes) }
}

/** The node that a segment of a template leads to. */
function step(node: Node, text: string): Node {
  const segment = readSegment(text)
  if (segment === 'parameter') {
    node.parameter ??= newNode()
    return node.parameter
  }
  if (segment === 'literal') {
    const next = node.literals.get(text) ?? newNode()
    node.literals.set(text, next)
    return next
  }
  const known = node.mixed?.find((one) => compareMixed(one.segment, segment) === 0)
  if (known !== undefined) return known.node
  const next = newNode()
  node.mixed = [...(node.mixed ?? []), { segment, node: next }].sort((a, b) => compareMixed(a.segment, b.segment))
  return next
}

const METHODS: readonly ServedMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

function allowOf(routes: Place['routes']): string {
  const offered: string[] = METHODS.filter((method) => routes[method] ?? (method === 'HEAD' && routes.GET))
  return [...offered, 'OPTIONS'].join(', ')
}

function templatesIn(node: Node, segments: readonly string[]): Template[] {
  const here = node.place === undefined ? [] : [{ segments, routes: node.place.routes }]
  // Whatever is below it: a parameter takes the next segment, and deeper ones are in no template.
  const below = node.kept ? [{ segments: [...segments, '{any}'], routes: OWN.routes }] : []
  const next = [
    ...[...node.literals].map(([text, one]) => [text, one] as const),
    ...(node.mixed ?? []).map((one) => [one.segment.join('{any}'), one.node] as const),
    ...(node.parameter ? [['{any}', node.parameter] as const] : []),
  ]
  return [...here, ...below, ...next.flatMap(([text, one]) => templatesIn(one, [...segments, text]))]
}
