import type { Kind } from '../kinds.ts'
import {
  type ProtoEnum,
  type ProtoField,
  type ProtoFile,
  type ProtoMessage,
  type ProtoService,
  readProto,
} from './read-proto.ts'

/** `offset` is in the new text, or in the old where there is nothing left of it. */
export type ReportProto = (kind: Kind, where: string, what: string, offset: number, side: 'old' | 'new') => void

/** Compares two .proto files by what is on the wire, and by what generated code is named after. */
export function compareProtos(old: string, now: string, report: ReportProto): void {
  const before = readProto(old)
  const after = readProto(now)
  if (before.package !== after.package)
    report('proto-package', 'package', `is ${after.package || 'none'} now, not ${before.package || 'none'}`, 0, 'new')
  compareMessages(before, after, report)
  compareEnums(before, after, report)
  compareServices(before.services, after.services, report)
}

function compareMessages(before: ProtoFile, after: ProtoFile, report: ReportProto): void {
  for (const [name, one] of before.messages) {
    const same = after.messages.get(name)
    if (same) compareFields(name, one, same, { before, after, report })
    else report('proto-message-removed', `message ${name}`, 'is gone', one.offset, 'old')
  }
  for (const [name, one] of after.messages)
    if (!before.messages.has(name)) report('proto-message-added', `message ${name}`, 'is new', one.offset, 'new')
}

interface Both {
  readonly before: ProtoFile
  readonly after: ProtoFile
  readonly report: ReportProto
}

function compareFields(message: string, old: ProtoMessage, now: ProtoMessage, both: Both): void {
  const { report } = both
  const renumbered = new Set<ProtoField>()
  for (const one of old.fields) {
    const where = `${message}.${one.name}`
    const same = now.fields.find(({ number }) => number === one.number)
    const moved = now.fields.find(({ name, number }) => name === one.name && number !== one.number)
    if (moved && same?.name !== one.name) {
      renumbered.add(moved)
      report('proto-field-renumbered', where, `has the number ${moved.number}, not ${one.number}`, moved.offset, 'new')
      if (same && !old.fields.some(({ name }) => name === same.name)) {
        renumbered.add(same)
        report(
          'proto-number-reused',
          `${message}.${same.name}`,
          `has the number ${one.number}, which was that of ${one.name}`,
          same.offset,
          'new',
        )
      }
    } else if (same) compareField(where, one, same, both)
    else {
      const isReserved = holds(now.reserved, one.number)
      report(
        isReserved ? 'proto-field-reserved' : 'proto-field-removed',
        where,
        isReserved ? 'is gone, its number reserved' : `is gone, and its number ${one.number} is not reserved`,
        one.offset,
        'old',
      )
    }
  }
  for (const one of now.fields) {
    if (renumbered.has(one) || old.fields.some(({ number }) => number === one.number)) continue
    const where = `${message}.${one.name}`
    if (holds(old.reserved, one.number))
      report('proto-number-reused', where, `has the number ${one.number}, which was reserved`, one.offset, 'new')
    else if (one.label === 'required') report('proto-field-required', where, 'is new, and required', one.offset, 'new')
    else report('proto-field-added', where, 'is new', one.offset, 'new')
  }
}

function compareField(where: string, old: ProtoField, now: ProtoField, { before, after, report }: Both): void {
  if (old.name !== now.name) report('proto-field-renamed', where, `is named ${now.name} now`, now.offset, 'new')
  if (plainType(old.type) !== plainType(now.type)) {
    const kind = wireOf(old.type, before) === wireOf(now.type, after) ? 'proto-field-wire-type' : 'proto-field-type'
    report(kind, where, `is ${now.type} now, not ${old.type}`, now.offset, 'new')
  }
  if ((old.label === 'repeated') !== (now.label === 'repeated'))
    report(
      'proto-field-label',
      where,
      `is ${now.label || 'singular'} now, not ${old.label || 'singular'}`,
      now.offset,
      'new',
    )
  else if (old.label !== now.label)
    report(
      now.label === 'required' ? 'proto-field-required' : 'proto-field-presence',
      where,
      `is ${now.label || 'without a label'} now, not ${old.label || 'without a label'}`,
      now.offset,
      'new',
    )
  if (old.oneof !== now.oneof)
    report(
      'proto-field-oneof',
      where,
      now.oneof ? `is in the oneof ${now.oneof} now` : `is not in the oneof ${old.oneof} any more`,
      now.offset,
      'new',
    )
}

function plainType(type: string): string {
  return type.replace(/^\./, '')
}

/** Types of one group are read as one another, as far as the value fits (protobuf.dev, "Updating A Message Type"). */
function wireOf(type: string, { enums }: ProtoFile): string {
  const plain = plainType(type)
  if (/^(u?int(32|64)|bool)$/.test(plain) || isEnum(plain, enums)) return 'varint'
  if (/^sint(32|64)$/.test(plain)) return 'zigzag'
  if (/^s?fixed32$/.test(plain)) return 'fixed32'
  if (/^s?fixed64$/.test(plain)) return 'fixed64'
  return plain === 'string' || plain === 'bytes' ? 'text' : plain
}

function isEnum(type: string, enums: ProtoFile['enums']): boolean {
  return enums.has(type) || [...enums.keys()].some((name) => name.endsWith(`.${type}`))
}

function compareEnums(before: ProtoFile, after: ProtoFile, report: ReportProto): void {
  for (const [name, one] of before.enums) {
    const same = after.enums.get(name)
    if (same) compareValues(name, one, same, report)
    else report('proto-enum-removed', `enum ${name}`, 'is gone', one.offset, 'old')
  }
  for (const [name, one] of after.enums)
    if (!before.enums.has(name)) report('proto-message-added', `enum ${name}`, 'is new', one.offset, 'new')
}

function compareValues(name: string, old: ProtoEnum, now: ProtoEnum, report: ReportProto): void {
  for (const one of old.values) {
    const where = `${name}.${one.name}`
    const same = now.values.find((value) => value.name === one.name)
    const numbered = now.values.find((value) => value.number === one.number)
    if (same) {
      if (same.number !== one.number)
        report('proto-value-renumbered', where, `has the number ${same.number}, not ${one.number}`, same.offset, 'new')
    } else if (numbered) report('proto-value-renamed', where, `is named ${numbered.name} now`, numbered.offset, 'new')
    else {
      const isReserved = holds(now.reserved, one.number)
      report(
        isReserved ? 'proto-value-reserved' : 'proto-value-removed',
        where,
        isReserved ? 'is gone, its number reserved' : `is gone, and its number ${one.number} is not reserved`,
        one.offset,
        'old',
      )
    }
  }
  for (const one of now.values) {
    if (old.values.some((value) => value.name === one.name || value.number === one.number)) continue
    if (holds(old.reserved, one.number))
      report(
        'proto-number-reused',
        `${name}.${one.name}`,
        `has the number ${one.number}, which was reserved`,
        one.offset,
        'new',
      )
    else report('proto-value-added', `${name}.${one.name}`, 'is new', one.offset, 'new')
  }
}

function holds({ numbers }: ProtoMessage['reserved'], number: number): boolean {
  return numbers.some(([from, to]) => from <= number && number <= to)
}

function compareServices(
  before: ReadonlyMap<string, ProtoService>,
  after: ReadonlyMap<string, ProtoService>,
  report: ReportProto,
): void {
  for (const [name, { offset, methods }] of before) {
    const same = after.get(name)
    if (!same) {
      report('proto-service-removed', `service ${name}`, 'is gone', offset, 'old')
      continue
    }
    for (const [method, one] of methods) {
      const where = `${name}.${method}`
      const now = same.methods.get(method)
      if (!now) {
        report('proto-method-removed', where, 'is gone', one.offset, 'old')
        continue
      }
      if (one.input !== now.input)
        report('proto-method-type', where, `takes ${now.input} now, not ${one.input}`, now.offset, 'new')
      if (one.output !== now.output)
        report('proto-method-type', where, `returns ${now.output} now, not ${one.output}`, now.offset, 'new')
      for (const [i, what] of ['request', 'answer'].entries())
        if (one.streams[i] !== now.streams[i])
          report(
            'proto-method-stream',
            where,
            now.streams[i] ? `has a stream as its ${what} now` : `has one ${what} now, not a stream`,
            now.offset,
            'new',
          )
    }
    for (const [method, one] of same.methods)
      if (!methods.has(method)) report('proto-method-added', `${name}.${method}`, 'is new', one.offset, 'new')
  }
  for (const [name, { offset }] of after)
    if (!before.has(name)) report('proto-message-added', `service ${name}`, 'is new', offset, 'new')
}
