import type { FieldSpec } from './fields.ts'
import { type FilterParameter, filterParameters, type Pairs, textsReader } from './list-query.ts'
import type { Resource } from './resource.ts'

/**
 * Which of a resource's lists read no more rows the larger the table is, as an index gives their rows in order: those with
 * one sort (or the default one whole), alone, with a range of that sort's field, or with one value of one filter, where
 * the sort is the default one or `list.pairs` names both. `data/list-indexes.ts` says which indexes that takes.
 */
export interface IndexedOrder {
  /** Fields, all in one direction; the id follows. */
  readonly fields: readonly string[]
  /** Fields of which one value may be asked for. */
  readonly filters: ReadonlySet<string>
}

export function indexedOrders(resource: Resource): IndexedOrder[] {
  const { sort, pairs } = resource.list
  const usual = defaultOrder(resource)
  const orders = [...(usual ? [usual] : []), ...sort.map((field) => [field])]
  return distinct(orders)
    .filter((fields) => !fields.some((field) => scans(resource, field)))
    .map((fields) => ({
      fields,
      filters: new Set(
        equalFilters(resource).filter(
          (filter) =>
            fields === usual ||
            pairs.some((pair) => pair[0] === filter && fields.length === 1 && pair[1] === fields[0]),
        ),
      ),
    }))
}

/** Fields that a list may be filtered by with an index that keeps the order within one value. */
function equalFilters(resource: Resource): string[] {
  return [...new Set(Object.values(resource.list.filter))].filter(
    (field) => !scans(resource, field) && !isUnique(resource, field) && isOneValue(resource.stored[field]),
  )
}

/** Of ranges there is but one order; addresses are compared without case, and members of lists one by one. */
export function isOneValue(spec: FieldSpec | undefined): boolean {
  if (spec === undefined) return false
  const { kind } = spec
  return !isOrdered(kind) && kind !== 'email' && kind !== 'list' && kind !== 'object'
}

export function isOrdered(kind: FieldSpec['kind']): boolean {
  return kind === 'time' || kind === 'money' || kind === 'decimal' || kind === 'integer'
}

/** A value of it is at most one row's. */
export function isUnique({ unique }: Resource, field: string): boolean {
  return field === 'id' || unique.includes(field)
}

/** Whether the contract declines an index for a field, or for `q`. */
export function scans({ list }: Resource, name: string): boolean {
  return list.scans.includes(name)
}

/** Undefined where directions are mixed, or a null may stand behind a value: no index can seek to a place in such an order. */
function defaultOrder({ list, stored }: Resource): readonly string[] | undefined {
  const terms = list.defaultSort.split(',')
  const descending = terms[0]!.startsWith('-')
  if (terms.some((term) => term.startsWith('-') !== descending)) return undefined
  const fields = terms.map((term) => term.replace(/^[-+]/, ''))
  return fields.slice(1).some((field) => stored[field]?.nullable) ? undefined : fields
}

function distinct(orders: readonly (readonly string[])[]): (readonly string[])[] {
  return orders.filter((one, i) => orders.findIndex((other) => other.join() === one.join()) === i)
}

/**
 * Compiles what a list's request takes from its buckets beside its cost (R-RATE-1): `list.scanCost` for a list that no index
 * bounds, and as much again for `count=exact`, which reads every row there is.
 */
export function listCostReader(resource: Resource): (query: Pairs) => number {
  const { scanCost } = resource.list
  const parameters = new Map(
    filterParameters(resource).map((one) => [
      one.name,
      { field: one.field, kind: kindOf(one, resource), textsOf: textsReader(one) },
    ]),
  )
  const orders = ordersByText(resource)
  const usual = orders.get(defaultOrder(resource)?.join() ?? '')
  return (query) => {
    let order = usual
    let sorted = false
    let equal: string | undefined
    let range: string | undefined
    let bounded = true
    let few = false
    let cost = 0
    for (const pair of query) {
      const [name, value] = pair
      const parameter = parameters.get(name)
      if (parameter === undefined) {
        if (name === 'count' && value === 'exact') cost = scanCost
        else if (name === 'sort') {
          order = sorted ? undefined : orders.get(value)
          sorted = true
        }
        continue
      }
      const { field, kind, textsOf } = parameter
      switch (kind) {
        case 'unique':
          few = true
          break
        case 'range':
          if (range !== undefined && range !== field) bounded = false
          range = field
          break
        case 'equal':
          if (equal !== undefined || (value.includes(',') && textsOf(pair).length > 1)) bounded = false
          equal = field
          break
        default:
          bounded = false
      }
    }
    if (few) return cost
    if (order === undefined || (equal !== undefined && equal !== order.fields[0] && !order.filters.has(equal)))
      bounded = false
    if (range !== undefined && range !== order?.fields[0]) bounded = false
    return bounded ? cost : cost + scanCost
  }
}

function kindOf({ field, comparison }: FilterParameter, resource: Resource): 'unique' | 'range' | 'equal' | 'other' {
  // Whether there is a value, or a part of a text: of these an index keeps no order.
  if (comparison === 'search' || comparison === 'exists') return 'other'
  const spec = resource.stored[field]!
  if (comparison === 'in' && isUnique(resource, field)) return 'unique'
  if (isOrdered(spec.kind)) return 'range'
  return isOneValue(spec) ? 'equal' : 'other'
}

/** The orders that an index gives, by every way of writing them in `sort`. */
function ordersByText(resource: Resource): Map<string, IndexedOrder> {
  const texts = new Map<string, IndexedOrder>()
  // A raw + decodes to a space. Of the several fields of a default sort, people write no other signs than its own.
  for (const order of indexedOrders(resource))
    for (const sign of ['', '-', '+', ' ']) texts.set(order.fields.map((field) => sign + field).join(','), order)
  return texts
}
