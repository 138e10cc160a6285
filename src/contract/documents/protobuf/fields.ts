import type { FieldSpec } from '../../fields.ts'
import { pascalCase } from '../schema-names.ts'
import type { Draft, DraftField, ProtoKind } from './proto-file.ts'

type Specs = Readonly<Record<string, FieldSpec>>

export function draftFields(specs: Specs): DraftField[] {
  return Object.entries(specs).map(([name, spec]) => draftField(name, spec))
}

/**
 * Texts, ids, times and the words of `oneOf` are strings, as in JSON: so a value that is wrong is rejected by the same check
 * with the same words, and a word that a later release adds breaks no `switch` of a generated enum.
 */
export function draftField(json: string, spec: FieldSpec): DraftField {
  const comment = commentOf(spec)
  if (spec.kind !== 'list') return { json, ...typeOf(json, spec), repeated: false, comment }
  const item = spec.of!
  // A repeated field holds no null and no list: such items are messages with a value or without one.
  if (item.kind === 'list' || item.nullable)
    return { json, kind: 'message', of: itemDraft(json, item), wraps: true, repeated: true, comment }
  return { json, ...typeOf(json, item), repeated: true, comment }
}

/** Name of the one field of a message that stands for an item of a list. */
export const ITEM = 'value'

function itemDraft(json: string, item: FieldSpec): Draft {
  return { name: `${pascalCase(json)}Item`, fields: [draftField(ITEM, item)] }
}

function typeOf(json: string, spec: FieldSpec): Pick<DraftField, 'kind' | 'of'> {
  if (spec.kind === 'object')
    return { kind: 'message', of: { name: pascalCase(json), fields: draftFields(spec.fields!) } }
  return { kind: kindOf(spec) }
}

/** Of one value that is neither a list nor an object. */
export function kindOf({ kind, min, max }: FieldSpec): ProtoKind {
  if (kind === 'money' || kind === 'decimal') return 'decimal'
  if (kind === 'boolean') return 'bool'
  if (kind !== 'integer') return 'string'
  return min! >= -2_147_483_648 && max! <= 2_147_483_647 ? 'int32' : 'int64'
}

function commentOf({ description, kind, values, of }: FieldSpec): string | undefined {
  const words = values ?? of?.values
  const notes = [
    description,
    words && `One of ${words.join(', ')}.`,
    kind === 'money' || kind === 'decimal' ? 'Digits, such as 12.5.' : undefined,
    kind === 'time' ? 'RFC 3339, in UTC.' : undefined,
  ].filter((note) => note !== undefined)
  return notes.length === 0 ? undefined : notes.map((note) => (/[.!?]$/.test(note) ? note : `${note}.`)).join(' ')
}
