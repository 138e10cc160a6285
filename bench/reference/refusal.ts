/** Names and values of headers, one after the other, as writeHead takes them. */
export type Head = string[]

export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly head: Head
  constructor(status: number, code: string, message: string, head: Head = []) {
    super(message)
    this.status = status
    this.code = code
    this.head = head
  }
}

export const notFound = () => new Refusal(404, 'NOT_FOUND', 'Not found')
export const forbidden = () => new Refusal(403, 'FORBIDDEN', 'Not allowed')
export const invalid = (field: string, message: string) => new Refusal(400, 'VALIDATION_ERROR', `${field} ${message}`)
