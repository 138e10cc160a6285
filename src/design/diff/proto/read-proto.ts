import { type Token, tokensOf } from './tokens.ts'

export interface ProtoFile {
  readonly package: string
  readonly messages: ReadonlyMap<string, ProtoMessage>
  readonly enums: ReadonlyMap<string, ProtoEnum>
  readonly services: ReadonlyMap<string, ProtoService>
}

export interface ProtoField {
  readonly name: string
  readonly number: number
  readonly type: string
  /** `optional`, `repeated`, `required`, or nothing. */
  readonly label: string
  readonly oneof: string | undefined
  readonly offset: number
}

interface Reserved {
  readonly numbers: readonly (readonly [from: number, to: number])[]
  readonly names: readonly string[]
}

export interface ProtoMessage {
  readonly offset: number
  readonly fields: readonly ProtoField[]
  readonly reserved: Reserved
}

export interface ProtoEnum {
  readonly offset: number
  readonly values: readonly { readonly name: string; readonly number: number; readonly offset: number }[]
  readonly reserved: Reserved
}

export interface ProtoService {
  readonly offset: number
  readonly methods: ReadonlyMap<string, ProtoMethod>
}

export interface ProtoMethod {
  readonly offset: number
  readonly input: string
  readonly output: string
  readonly streams: readonly [request: boolean, answer: boolean]
}

/** Reads a .proto file, proto2 or proto3: what is on the wire and in generated code, without options. An Error says what it stopped at. */
export function readProto(text: string): ProtoFile {
  const tokens = tokensOf(text)
  const messages = new Map<string, ProtoMessage>()
  const enums = new Map<string, ProtoEnum>()
  const services = new Map<string, ProtoService>()
  let packageName = ''
  let at = 0

  const peek = () => tokens[at]?.text
  const take = (): Token => {
    const token = tokens[at++]
    if (token === undefined) throw new Error('ends in the middle of a declaration')
    return token
  }
  const expect = (text: string) => {
    const token = take()
    if (token.text !== text) throw new Error(`has "${token.text}" where "${text}" was expected`)
  }
  const skipTo = (end: string) => {
    let depth = 0
    for (;;) {
      const { text } = take()
      if (depth === 0 && text === end) return
      if (text === '{' || text === '[') depth++
      if (text === '}' || text === ']') depth--
    }
  }
  const skipBlock = () => {
    expect('{')
    skipTo('}')
  }

  function readMessage(prefix: string): void {
    const { text: name, offset } = take()
    const fields: ProtoField[] = []
    const reserved = { numbers: [] as [number, number][], names: [] as string[] }
    expect('{')
    readMembers(`${prefix}${name}`, fields, reserved, undefined)
    messages.set(`${prefix}${name}`, { offset, fields, reserved })
  }

  function readMembers(
    message: string,
    fields: ProtoField[],
    reserved: { numbers: [number, number][]; names: string[] },
    oneof: string | undefined,
  ): void {
    while (peek() !== '}') {
      const word = peek()
      if (word === ';') at++
      else if (word === 'message' && isName(1)) declare(() => readMessage(`${message}.`))
      else if (word === 'enum' && isName(1)) declare(() => readEnum(`${message}.`))
      else if (word === 'option' || word === 'extensions') skipTo(';')
      else if (word === 'extend') {
        at += 2
        skipBlock()
      } else if (word === 'reserved') readReserved(reserved)
      else if (word === 'oneof' && tokens[at + 2]?.text === '{') {
        at++
        const name = take().text
        expect('{')
        readMembers(message, fields, reserved, name)
      } else fields.push(readField(oneof))
    }
    at++
  }

  function declare(read: () => void): void {
    at++
    read()
  }

  function isName(ahead: number): boolean {
    return tokens[at + ahead + 1]?.text === '{'
  }

  function readField(oneof: string | undefined): ProtoField {
    const label = /^(optional|repeated|required)$/.test(peek() ?? '') ? take().text : ''
    let { text: type } = take()
    if (type === 'map' && peek() === '<') {
      at++
      const key = take().text
      expect(',')
      const value = take().text
      expect('>')
      type = `map<${key}, ${value}>`
    }
    const { text: name, offset } = take()
    expect('=')
    const number = Number(take().text)
    if (!Number.isInteger(number)) throw new Error(`has no number for the field "${name}"`)
    if (type === 'group') skipBlock()
    else skipTo(';')
    return { name, number, type, label, oneof, offset }
  }

  function readReserved(reserved: { numbers: [number, number][]; names: string[] }): void {
    at++
    while (peek() !== ';') {
      const { text } = take()
      if (text === ',') continue
      if (/^["']/.test(text)) reserved.names.push(text.slice(1, -1))
      else if (/^\d/.test(text)) {
        const from = Number(text)
        let to = from
        if (peek() === 'to') {
          at++
          const end = take().text
          to = end === 'max' ? Number.POSITIVE_INFINITY : Number(end)
        }
        reserved.numbers.push([from, to])
      } else reserved.names.push(text)
    }
    at++
  }

  function readEnum(prefix: string): void {
    const { text: name, offset } = take()
    const values: { name: string; number: number; offset: number }[] = []
    const reserved = { numbers: [] as [number, number][], names: [] as string[] }
    expect('{')
    while (peek() !== '}') {
      if (peek() === ';') at++
      else if (peek() === 'option') skipTo(';')
      else if (peek() === 'reserved') readReserved(reserved)
      else {
        const value = take()
        expect('=')
        values.push({ name: value.text, number: Number(take().text), offset: value.offset })
        skipTo(';')
      }
    }
    at++
    enums.set(`${prefix}${name}`, { offset, values, reserved })
  }

  function readService(): void {
    const { text: name, offset } = take()
    const methods = new Map<string, ProtoMethod>()
    expect('{')
    while (peek() !== '}') {
      if (peek() === 'rpc') {
        at++
        const method = take()
        const [input, streamsIn] = readType()
        expect('returns')
        const [output, streamsOut] = readType()
        methods.set(method.text, { offset: method.offset, input, output, streams: [streamsIn, streamsOut] })
        if (peek() === '{') skipBlock()
        if (peek() === ';') at++
      } else if (peek() === ';') at++
      else skipTo(';')
    }
    at++
    services.set(name, { offset, methods })
  }

  function readType(): [string, boolean] {
    expect('(')
    const streams = peek() === 'stream' && tokens[at + 1]?.text !== ')'
    if (streams) at++
    const { text } = take()
    expect(')')
    return [text.replace(/^\./, ''), streams]
  }

  while (at < tokens.length) {
    const { text } = take()
    if (text === 'package') {
      packageName = take().text
      expect(';')
    } else if (text === 'message') readMessage('')
    else if (text === 'enum') readEnum('')
    else if (text === 'service') readService()
    else if (text === 'extend') {
      take()
      skipBlock()
    } else if (text !== ';') skipTo(';')
  }
  return { package: packageName, messages, enums, services }
}
