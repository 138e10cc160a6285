import { fileURLToPath } from 'node:url'
import { operation, resource, service, t } from 'lintel/contract'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { helpdesk } from '../../../examples/helpdesk/contract.ts'
import { users as people } from '../../../examples/helpdesk/users/contract.ts'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import { clientFile } from './client-file.ts'

/** As strict as a compiler can be told to be, for a page: there is no Node. */
const STRICT: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  erasableSyntaxOnly: true,
  isolatedModules: true,
  noEmit: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
}

const FOLDER = fileURLToPath(new URL('.', import.meta.url))

const access = { list: 'public', get: 'public', create: 'public' } as const
/** Names that mean something to the file, or to its code. */
const Page = resource('page', { id: 'pag', access, fields: { attempt: t.text(), kind: t.oneOf("it's", 'a\\b') } })
const Attempt = resource('attempt', { id: 'att', access, fields: { pageId: t.id('pag'), authorId: t.id('usr') } })
const Response = resource('response', { id: 'res', access, fields: { text: t.text().describe('ends with */') } })
const book = service('book', {
  resources: { pages: Page, attempts: Attempt, responses: Response },
  operations: {
    report: operation({
      method: 'GET',
      path: '/page-reports',
      access: 'public',
      query: { from: t.time() },
      answer: Page,
    }),
    secret: operation({ method: 'GET', path: '/secret-reports', access: 'service', answer: { hash: t.text() } }),
  },
})

const FILES: Readonly<Record<string, string>> = {
  reference: clientFile([users, orders]),
  older: clientFile([users, orders], { version: 1 }),
  helpdesk: clientFile([people, helpdesk]),
  names: clientFile([book]),
}

const HEAD = `
import { type Api, client, CallProblem, isProblem, type Code, type OrderUpdate, type Product } from './reference.ts'
declare const api: Api
`
const SOUND = `${HEAD}
export async function all(): Promise<string> {
  const mine = client({ url: '/api', tokens: { get: () => undefined, set() {} }, retries: 1 })
  await mine.login({ body: { email: '', password: '' } })
  const product: Product = await mine.products.get({ id: 'prd_1' })
  const { data } = await mine.products.list({ query: { fields: ['name'], q: undefined, priceMax: 20, sort: ['-price', 'name'] }, timeoutMs: 5 })
  for await (const { total, id } of mine.orders.eachAll({ query: { status: ['paid', 'shipped'], placedAfter: new Date(0), fields: ['total'] } }))
    await mine.orders.update({ id, body: { status: total > 5 ? 'paid' : 'cancelled' }, ifMatch: 3, signal: AbortSignal.timeout(5) })
  const order = await mine.orders.create({ userId: 'me', body: { items: [{ productId: product.id, quantity: 2 }] } })
  await mine.carts.create({ userId: 'me', body: {} })
  await mine.logout()
  const change: OrderUpdate = { status: 'paid', version: order.version }
  return [data[0]?.name, change.status].join()
}
export function why(error: unknown): Code | undefined {
  if (isProblem(error, 'OUT_OF_STOCK')) return error.code satisfies 'OUT_OF_STOCK'
  if (!isProblem(error)) return error instanceof CallProblem ? 'NOT_FOUND' : undefined
  switch (error.code) {
    case 'EMPTY_CART':
      return error.details?.[0]?.field === 'cartId' ? 'NOT_FOUND' : undefined
    default:
      return error.retryAfterS === undefined ? error.code : undefined
  }
}
`
const WRONG: Readonly<Record<string, readonly [line: string, said: string]>> = {
  verbNotOffered: ["api.orders.delete({ id: '' })", "Property 'delete' does not exist on type 'OrderCalls'"],
  filterNotOffered: ["api.products.list({ query: { colour: '' } })", "'colour' does not exist in type"],
  filterOfAnotherType: ["api.orders.listAll({ query: { status: 'lost' } })", `Type '"lost"' is not assignable to type`],
  sortNotOffered: ["api.orders.listAll({ query: { sort: 'status' } })", `Type '"status"' is not assignable to type`],
  parentLeftOut: ['api.orders.list({})', "Property 'userId' is missing in type '{}'"],
  fieldLeftOut: ["api.login({ body: { email: '' } })", "Property 'password' is missing in type '{ email: string; }'"],
  fieldOfTheServer: [
    "api.carts.create({ userId: 'me', body: { total: 1 } })",
    "Type 'number' is not assignable to type 'never'",
  ],
  idOfAnotherType: ["api.cartItems.create({ cartId: '', body: { productId: 'usr_1', quantity: 1 } })", 'usr_1'],
  fieldNotAskedFor: [
    "api.products.get({ id: '', query: { fields: ['name'] } }).then(({ sku }) => sku)",
    "Property 'sku' does not exist on type",
  ],
  codeMisspelt: ["isProblem({}, 'OUT_OF_STOK')", `'"OUT_OF_STOK"' is not assignable to parameter of type`],
  operationOfOtherServices: ['api.revocations()', "Property 'revocations' does not exist on type 'Api'"],
}

let said: ReadonlyMap<string, readonly string[]>
beforeAll(() => {
  const wrong = Object.entries(WRONG).map(([name, [line]]) => [
    name,
    `${HEAD}export default ${line}\nexport { client, CallProblem, isProblem }\nexport type { Code, OrderUpdate, Product }`,
  ])
  said = compiled({ ...FILES, sound: SOUND, ...Object.fromEntries(wrong) })
}, 60_000)

test.each(Object.keys(FILES))('the file compiles by itself, as strictly as can be: %s', (name) => {
  expect(said.get(name)).toEqual([])
})

describe('R-P-2: of what is called with it', () => {
  test('what is right compiles', () => {
    expect(said.get('sound')).toEqual([])
  })

  test.each(Object.entries(WRONG))('the compiler names what is wrong: %s', (name, [, text]) => {
    expect(said.get(name)?.filter((one) => one.includes(text))).toHaveLength(1)
  })
})

test('nothing that is hidden or internal is in it, nor what nobody outside understands', () => {
  for (const text of Object.values(FILES)) {
    expect(text).not.toMatch(/passwordHash|stockTaken|revocations|hash: string|secret-reports|\bR-[A-Z]+-\d|FC-\d/)
    expect(text).not.toMatch(/^import|^export .* from/m)
  }
})

test('R-VER-2: an older version has its own shapes and paths', () => {
  expect(FILES.reference).toMatch(/interface User {[^}]*roles: \('member' \| 'admin'\)\[\]/)
  expect(FILES.older).toMatch(/interface User {[^}]*role: 'member' \| 'admin'\n/)
  expect(FILES.older).toContain("get: 'GET /v1/users/{id}'")
})

/** What the compiler says of each program; one may import another. */
function compiled(programs: Readonly<Record<string, string>>): Map<string, string[]> {
  const texts = new Map(Object.entries(programs).map(([name, text]) => [`${FOLDER}${name}.ts`, text]))
  const options = { ...STRICT, allowImportingTsExtensions: true }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (path) => texts.has(path) || fileExists(path)
  host.readFile = (path) => texts.get(path) ?? readFile(path)
  host.getSourceFile = (path, ...rest) => {
    const text = texts.get(path)
    return text === undefined ? getSourceFile(path, ...rest) : ts.createSourceFile(path, text, rest[0])
  }
  const program = ts.createProgram([...texts.keys()], options, host)
  return new Map(
    [...texts.keys()].map((path) => {
      const file = program.getSourceFile(path)
      const diagnostics = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
      return [
        path.slice(FOLDER.length, -3),
        diagnostics.map((one) => ts.flattenDiagnosticMessageText(one.messageText, '\n')),
      ]
    }),
  )
}
