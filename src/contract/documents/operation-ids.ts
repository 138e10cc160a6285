import { isInternal } from '../access.ts'
import type { Contract } from '../contract.ts'
import { camelCase } from '../names.ts'
import type { Operation } from '../operation.ts'
import { capital, nameOfResource, pluralName, type SchemaNames, schemaName } from './schema-names.ts'

/** What an operation is called in documents (`listProducts`), by its id (`orders.products.list`). */
export type OperationIds = ReadonlyMap<string, string>

/**
 * A name for each operation that is served to the outside, from its contract alone, so that no other operation changes it: the verb and
 * the resource (`getOrder`, `createCartItem`), and the parent where a list stands below one (`listUserOrders` beside `listOrders`); of an
 * operation beside the resources its own name, and the thing that it is on (`login`, `closeTicket`); of a route the method too
 * (`getAttachment`). Where two operations would have one name, both have their service in front: `deskReport`.
 */
export function operationIdsOf(contracts: readonly Contract[], names: SchemaNames): OperationIds {
  const all = contracts.flatMap((contract) =>
    contract.served
      .filter(({ access }) => !isInternal(access))
      .map((operation) => ({ id: operation.id, candidates: candidatesFor(contract, operation, names) })),
  )
  const candidates = all.flatMap((one) => one.candidates)
  const isUnique = (name: string) => candidates.indexOf(name) === candidates.lastIndexOf(name)
  return new Map(all.map(({ id, candidates }) => [id, candidates.find(isUnique)!]))
}

/** The best first; the last is unique, since nothing in a contract has a name with `_`. */
function candidatesFor(contract: Contract, operation: Operation, names: SchemaNames): string[] {
  const { id, service } = operation
  const name = nameIn(contract, operation, names)
  return [name, camelCase(service) + capital(name), id.replaceAll(/[.-]/g, '_')]
}

function nameIn(contract: Contract, operation: Operation, names: SchemaNames): string {
  const { name, key, service, verb, method, on, resource } = operation
  if (verb === 'route') return method.toLowerCase() + capital(name)
  if (verb === 'custom') {
    const thing = on ? nameOfResource(names, contract, on.resource) : ''
    return name.endsWith(thing) ? name : name + thing
  }
  if (verb !== 'list') return verb + schemaName(names, service, key!)
  const many = pluralName(names, service, key!)
  const parent = resource!.parent ? nameOfResource(names, contract, resource!.parent.of) : ''
  // Items of a cart are `CartItems` by themselves.
  const saysParent = new RegExp(`^${parent}(?=[A-Z])`).test(many)
  if (operation.facts.atRoot) return (saysParent ? 'listAll' : 'list') + many
  return `list${saysParent ? '' : parent}${many}`
}
