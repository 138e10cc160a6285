import { Problem } from '../base/errors.ts'
import type { Context } from '../call/call.ts'
import type { Contract } from '../contract/contract.ts'
import type { Operation } from '../contract/operation.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Service } from './implement.ts'
import type { Runtime } from './unit.ts'

/** Asserts that a thing of another service is there; else a Problem: NOT_FOUND, or SERVICE_UNAVAILABLE where nobody knows. */
export type AssertParent = (
  parent: AnyResource,
  id: string,
  params: Readonly<Record<string, string>>,
  context: Context,
) => Promise<undefined>

/**
 * What lies below a thing of another service is made only where that thing is. Its service is asked, where the contract lets
 * services read it; while it cannot be asked, what this one has heard (`knows` of `implement`) decides. A parent that can
 * be asked in neither way is taken to be there: its id is all that this service has.
 */
export function foreignParents(service: Service<any>, runtime: Runtime): AssertParent {
  const readers = new Map<AnyResource, Reader | undefined>()

  return async (parent, id, params, context) => {
    if (!readers.has(parent)) readers.set(parent, readerOf(parent, runtime.contractOf(parent)))
    const reader = readers.get(parent)
    const failure = reader ? await ask(reader, id, params, context) : undefined
    if (reader && failure === undefined) return
    const known = await service.knows[parent.name]?.(id, runtime.database.onBehalfOf?.(context) ?? runtime.database)
    if (known === false) throw new Problem('NOT_FOUND')
    if (known === undefined && failure !== undefined) throw failure
  }

  /** Why the question was not answered; undefined where it was, with yes. */
  async function ask({ contract, key }: Reader, id: string, params: object, context: Context): Promise<unknown> {
    try {
      // By its key alone: which contract it is, is known only now.
      const clients: unknown = runtime.call(contract, context)
      await (clients as Clients)[key]!.get({ ...params, id, query: { fields: ['id'] } })
      return undefined
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (error.code === 'NOT_FOUND') throw new Problem('NOT_FOUND')
      return error
    }
  }
}

type Clients = Readonly<Record<string, { get(args: object): Promise<unknown> }>>

/** Where a thing of another service can be read. */
interface Reader {
  readonly contract: Contract
  readonly key: string
}

function readerOf(parent: AnyResource, contract: Contract | undefined): Reader | undefined {
  const operation = contract?.served.find(
    ({ resource, verb, access }: Operation) =>
      resource === parent && verb === 'get' && (access.public || access.roles.includes('service')),
  )
  return operation && { contract: contract!, key: operation.key! }
}
