import { expect, test } from 'vitest'
import { serviceCaller } from '../auth/caller.ts'
import { newId } from '../base/ids.ts'
import type { Call } from '../call/call.ts'
import { inProcess } from '../call/in-process.ts'
import { portClient } from '../call/port-client.ts'
import { resource, service, t } from '../contract/index.ts'
import { traceOf } from '../observe/trace.ts'
import { Deadline } from '../resilience/deadline.ts'
import { foreignParents } from './foreign-parents.ts'
import { implement } from './implement.ts'
import type { Runtime } from './unit.ts'
import { WorkContext } from './work-context.ts'

const User = resource('user', { id: 'usr', fields: { name: t.text() }, access: { get: 'service' } })
const Cart = resource('cart', {
  id: 'crt',
  parent: { of: User, field: 'userId' },
  fields: { userId: t.id('usr').server() },
  access: { create: 'public' },
})
const users = service('users', { resources: { users: User } })
const carts = service('carts', { resources: { carts: Cart } })

test('FC-56 R-P-7: whether a parent is there is asked as part of the request, with its id, its trace and what is left of its time', async () => {
  const asked: Call[] = []
  const port = inProcess(
    async (call) => {
      asked.push(call)
      return { status: 200, headers: {}, body: '{}' }
    },
    users,
    { caller: serviceCaller('carts') },
  )
  const runtime: Pick<Runtime, 'call' | 'contractOf'> = {
    call: (contract, context) => portClient(contract, port, context),
    contractOf: () => users,
  }
  const assertParent = foreignParents(
    implement(carts, {}, { migrations: new URL('file:///none/') }),
    runtime as Runtime,
  )
  const context = new WorkContext({
    caller: serviceCaller('gateway'),
    log: () => console,
    cause: { requestId: 'mine', trace: traceOf('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01') },
    time: { deadline: Deadline.after(500), signal: new AbortController().signal },
  })
  const id = newId('usr')
  await assertParent(User, id, {}, context)
  const [{ operation, params, context: own }] = asked as [Call]
  expect([operation, params]).toEqual(['users.users.get', [id]])
  expect([own.requestId, own.trace?.traceId]).toEqual(['mine', '0af7651916cd43dd8448eb211c80319c'])
  expect(own.deadline.remainingMs()).toBeLessThanOrEqual(500)
  expect(own.caller).toEqual(serviceCaller('carts'))
})
