/** Stands in a body for what the thing has there at the moment of sending. */
export const AS_IT_STANDS = Symbol('as it stands')

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
