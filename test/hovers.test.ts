import { expect, test } from 'vitest'
import { hovers } from './compiled.ts'

const PROGRAM = `
import { type Client, client } from 'lintel/client'
import { type EventHandlerOf, find, type HandlerOf, type OperationHandler, readRow } from 'lintel/service'
import { User, type users } from './users/contract.ts'
import { orders } from './orders/contract.ts'
export const register: HandlerOf<typeof users, 'users', 'create'> = async (/*input*/input, unit) => {
  const { /*body*/body } = input
  const /*row*/row = await find(unit.tx, User, 'usr_1')
  const /*values*/values = row && readRow(row)
  throw values
}
export const verify: OperationHandler<typeof users, 'verifyEmail'> = async (/*operation*/input) => { throw input }
export const hear: EventHandlerOf<typeof orders, 'buyers', 'user.created'> = async (/*event*/event) => { throw event }
export async function calls(api: Client<typeof users>) {
  const /*shown*/shown = await api.users./*get*/get({ id: 'me' })
  const /*page*/page = await api.users./*list*/list()
  await api.users./*create*/create({ body: { name: '', email: '' } })
  await api./*login*/login({ body: { email: '', password: '' } })
  const one = client([orders], { url: '/api' })
  for await (const /*total*/total of one.orders./*each*/each({ userId: 'me', query: { fields: ['total'] } })) throw total
}
`
const USER =
  /id: `usr_\$\{string\}`; version: number; createdAt: string; updatedAt: string; email: string; name: string;/

test('R-P-2: an editor shows a handler’s input, rows, events and calls as their members, and no contract behind them', () => {
  const shown = hovers(PROGRAM, 'services')
  expect([...shown.keys()].length).toBe(14)
  for (const [place, text] of shown) expect(text, place).not.toMatch(/Field<|Resource<|any\b/)
  for (const place of ['row', 'values', 'shown', 'page', 'get', 'event']) expect(shown.get(place), place).toMatch(USER)
  expect(shown.get('body')).toMatch(
    /^const body: { email: string; name: string; password: string \| null; roles: .*\[\]; invite: boolean \| null; }$/,
  )
  expect(shown.get('operation')).toBe('(parameter) input: HandlerInput<{ readonly token: string; }, {}, {}>')
  expect(shown.get('total')).toMatch(/^const total: { id: `ord_\$\{string\}`; total: number; }$/)
  expect(shown.get('each')).toMatch(/readonly status\?: "pending" \| "paid"/)
  expect(shown.get('list')).toMatch(/readonly createdAfter\?: string \| Date/)
  expect(shown.get('login')).toMatch(/readonly body: { email: string; password: string; };/)
})
