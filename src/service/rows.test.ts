import { expect, test } from 'vitest'
import { newId } from '../base/ids.ts'
import { resource, t } from '../contract/index.ts'
import { idOf } from './rows.ts'

const Note = resource('note', { id: 'nte', fields: { title: t.text() }, access: { get: 'public' } })

test('R-BODY-1: a text is an id of a resource where it has that one’s form, and else names nothing', () => {
  const id = newId('nte')
  expect(idOf(Note, id)).toBe(id)
  for (const text of [newId('usr'), id.toUpperCase(), 'me', ''])
    expect(() => idOf(Note, text)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
})
