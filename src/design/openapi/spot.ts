import type { Path } from '../source/places.ts'
import type { Source } from '../source/source.ts'

type Fields = Readonly<Record<string, unknown>>

/** A value in a document, and where it stands. */
export interface Spot {
  readonly source: Source
  readonly path: Path
  readonly value: unknown
}

export function below({ source, path, value }: Spot, ...names: readonly string[]): Spot {
  let found = value
  for (const name of names)
    found =
      (isFields(found) || Array.isArray(found)) && Object.hasOwn(found, name) ? (found as Fields)[name] : undefined
  return { source, path: [...path, ...names], value: found }
}

/** Each member of an object, or element of an array; none of anything else. `x-` members are no part of the standard. */
export function children(spot: Spot): [string, Spot][] {
  if (Array.isArray(spot.value)) return spot.value.map((_, i) => [String(i), below(spot, String(i))])
  return Object.keys(fieldsOf(spot))
    .filter((name) => !name.startsWith('x-'))
    .map((name) => [name, below(spot, name)])
}

/** Of properties, whose names may begin with x-. */
export function entriesOf(spot: Spot): [string, Spot][] {
  return Object.keys(fieldsOf(spot)).map((name) => [name, below(spot, name)])
}

/** Empty where it is not an object. */
export function fieldsOf({ value }: Spot): Fields {
  return isFields(value) ? value : {}
}

export function has(spot: Spot, name: string): boolean {
  return Object.hasOwn(fieldsOf(spot), name)
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** RFC 6901, as a fragment: `#/paths/~1users/get`. */
export function pointerOf(path: Path): string {
  return `#${path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`
}
