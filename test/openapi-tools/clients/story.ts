/** What each client has seen of one and the same story. */
export interface Story {
  /** Names of the products, dearest first. */
  readonly names: readonly string[]
  readonly order: { readonly status: string; readonly total: number; readonly firstLine: string | undefined }
  /** Of an order of more than there is. */
  readonly conflict: { readonly code: string; readonly fields: readonly string[] }
}

export const PASSWORD = 'correct horse battery staple'
export const MORE_THAN_THERE_IS = 10_000

export function newEmail(): string {
  return `${crypto.randomUUID()}@example.com`
}

/** Where the API is, with its version: the first argument. */
export function baseUrl(): string {
  return process.argv[2]!
}
