import type { Contract } from '../contract.ts'
import { camelCase } from '../names.ts'
import type { AnyResource } from '../resource.ts'

/** Of a resource, what one is called and what many are: `CartItem`, `CartItems`. */
interface Name {
  readonly one: string
  readonly many: string
}

/** Names of resources by `service.key`. */
export type SchemaNames = ReadonlyMap<string, Name>

/**
 * A name for each resource: the singular of its key, so that items of carts and items of orders are `CartItem` and
 * `OrderItem`. Where two services use one key, both put their name in front: `OrdersAddress`.
 */
export function schemaNames(contracts: readonly Contract[]): SchemaNames {
  const named = contracts.flatMap(({ name: service, resources }) =>
    Object.entries(resources).map(([key, resource]) => ({ service, key, name: singularOf(key, resource) })),
  )
  const taken = (name: string) => named.filter((one) => one.name === name).length > 1
  return new Map(
    named.map(({ service, key, name }) => {
      const front = taken(name) ? pascalCase(service) : ''
      return [`${service}.${key}`, { one: front + name, many: front + pascalCase(key) }]
    }),
  )
}

/** What one of a resource is called, which is the name of its schema. */
export function schemaName(names: SchemaNames, service: string, key: string): string {
  return names.get(`${service}.${key}`)!.one
}

export function pluralName(names: SchemaNames, service: string, key: string): string {
  return names.get(`${service}.${key}`)!.many
}

/** What a resource of this contract is called. One of another service is only known by its own name. */
export function nameOfResource(
  names: SchemaNames,
  { name: service, resources }: Contract,
  wanted: AnyResource,
): string {
  const own = Object.keys(resources).find((key) => resources[key] === wanted)
  return own === undefined ? pascalCase(wanted.name) : schemaName(names, service, own)
}

export function pascalCase(name: string): string {
  return capital(camelCase(name))
}

export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** `CartItem` and `cart-items` in words: `cart item`. */
export function wordsOf(name: string): string {
  return camelCase(name)
    .replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter}`)
    .toLowerCase()
}

function singularOf(key: string, resource: AnyResource): string {
  const whole = pascalCase(key)
  const plural = pascalCase(resource.plural)
  const name = pascalCase(resource.name)
  return whole.endsWith(plural) ? whole.slice(0, -plural.length) + name : name
}
