/*
 * A contract of 100 operations, as a customer's project would have it: 25 resources with 8 fields and 4 verbs each, their handlers
 * and their calls by a typed client.
 */

const RESOURCES = 25
const VERBS = 4
export const OPERATIONS = RESOURCES * VERBS

const IMPORTS = `import { type Client, client } from 'lintel/client'
import { event, resource, service, t } from 'lintel/contract'
import { change, type HandlerOf, implement, insert, newId, readRow } from 'lintel/service'
`

/** So that the imports are used. */
const EXPORTS =
  'export { change, type Client, client, event, type HandlerOf, implement, insert, newId, readRow, resource, service, t }'

const resourceText = (n: number) => `
export const Thing${n} = resource('thing${letter(n)}', {
  id: 'th${letter(n)}',
  fields: {
    ownerId: t.id('usr').server(),
    name: t.text({ min: 1, max: 255 }),
    state: t.oneOf('draft${n}', 'open${n}', 'closed${n}').server(),
    amount: t.integer({ min: 0 }).default(0),
    price: t.money(),
    currency: t.currency().default('USD'),
    dueAt: t.time().optional(),
    parts: t.list(t.object({ label${n}: t.text(), quantity: t.integer(), price: t.money() })),
  },
  owner: 'ownerId',
  list: { filter: ['name', 'price'], sort: ['name', 'createdAt'] },
  access: { list: 'owner | admin', get: 'owner | admin', create: 'authenticated', update: 'owner | admin' },
  custom: ['create', 'update'],
})
`

const contractText = (all: number[]) => `
export const shop = service('shop', {
  resources: { ${all.map((n) => `things${n}: Thing${n}`).join(', ')} },
  events: { ${all.map((n) => `'thing${letter(n)}.created': event(Thing${n})`).join(', ')} },
})
`

const handlersText = (all: number[]) => `
${all
  .map(
    (
      n,
    ) => `const update${n}: HandlerOf<typeof shop, 'things${n}', 'update'> = async ({ params, body, expected }, { tx }) =>
  change(tx, Thing${n}, params.id, body, expected)`,
  )
  .join('\n')}

export default implement(shop, {
${all
  .map(
    (n) => `  things${n}: {
    create: async ({ body }, { tx, emit }) => {
      const row = await insert(tx, Thing${n}, { ...body, ownerId: newId('usr'), state: 'draft${n}' })
      emit('thing${letter(n)}.created', row)
      const label: string | undefined = readRow(row).parts[0]?.label${n}
      return label === undefined ? row : row
    },
    update: update${n},
  },`,
  )
  .join('\n')}
}, { migrations: new URL('./migrations/', import.meta.url) })
`

const callsText = (all: number[]) => `
export async function callAll(api: Client<typeof shop>): Promise<string[]> {
  const names: string[] = []
${all
  .map(
    (n) => `  const made${n} = await api.things${n}.create({ body: { name: 'a', price: 1, parts: [] } })
  names.push(made${n}.name, made${n}.state satisfies 'draft${n}' | 'open${n}' | 'closed${n}')
  for (const one of (await api.things${n}.list({ query: { priceMin: 1, sort: '-createdAt' } })).data) names.push(one.parts[0]?.label${n} ?? one.name)
  names.push((await api.things${n}.get({ id: made${n}.id })).currency)
  names.push((await api.things${n}.update({ id: made${n}.id, body: { amount: 2 } })).name)`,
  )
  .join('\n')}
  return names
}
export const api = client([shop], { url: 'http://127.0.0.1:3000' })
`

/** Resources are named by letters: a noun has no digits. */
function letter(n: number): string {
  return String.fromCharCode(97 + n)
}

const all = Array.from({ length: RESOURCES }, (_, n) => n)

export const SHOP = [IMPORTS, ...all.map(resourceText), contractText(all), handlersText(all), callsText(all)].join('')

/** What the library's own types cost. */
export const WITHOUT = `${IMPORTS}${EXPORTS}`
