/** A `.proto` file as data: printed as text, or made into a descriptor at run time. */
export interface ProtoFile {
  /** `users/v2/users.proto`: the folder is the package's, as protobuf's tools expect. */
  readonly path: string
  readonly package: string
  readonly service: ProtoService
  readonly messages: readonly ProtoMessage[]
}

export interface ProtoService {
  readonly name: string
  readonly comment: string
  readonly rpcs: readonly ProtoRpc[]
}

export interface ProtoRpc {
  readonly name: string
  readonly comment: string
  /** Id of the operation that it calls. */
  readonly operation: string
  readonly request: ProtoMessage
  readonly response: ProtoMessage
}

export interface ProtoMessage {
  readonly name: string
  /** With its package and the messages around it: `users.v2.CreateUserRequest.Body`. */
  readonly fullName: string
  readonly comment?: string | undefined
  readonly fields: readonly ProtoField[]
  /** Messages declared inside, for objects and lists of objects. */
  readonly nested: readonly ProtoMessage[]
  readonly reserved: Reserved
}

/** Numbers that fields had which are gone; nothing else may ever have them. */
export interface Reserved {
  readonly numbers: readonly number[]
  readonly names: readonly string[]
}

/**
 * How a value stands in JSON and on the wire: `decimal` is a number in JSON and a string of digits here, so that no amount
 * passes through a float.
 */
export type ProtoKind = 'string' | 'decimal' | 'int32' | 'int64' | 'bool' | 'message'

export interface ProtoField {
  readonly name: string
  /** Its name in JSON, which is the contract's. */
  readonly json: string
  readonly number: number
  readonly kind: ProtoKind
  readonly repeated: boolean
  /** For `message`. */
  readonly message?: ProtoMessage | undefined
  /** Its messages stand for items of a list that are null or lists themselves, and hold them as `value`. */
  readonly wraps: boolean
  readonly comment?: string | undefined
}

/** A message before its fields have numbers. */
export interface Draft {
  readonly name: string
  readonly comment?: string | undefined
  readonly fields: readonly DraftField[]
}

export interface DraftField {
  readonly json: string
  readonly kind: ProtoKind
  readonly repeated: boolean
  /** For `message`: declared inside this one, or named among the file's own. */
  readonly of?: Draft | string | undefined
  readonly wraps?: boolean
  readonly comment?: string | undefined
}
