import { expect, test } from 'vitest'
import { fieldsOfWords } from './field-words.ts'

test('a word is a field with its source; money brings its currency', () => {
  const words = [
    'title:text',
    'price:money',
    'status:oneOf(open,done)',
    'userId:id(usr)',
    'dueAt:time?',
    'done:boolean?',
  ]
  const fields = fieldsOfWords(words)
  expect(Object.fromEntries(fields.map(({ name, source }) => [name, source]))).toEqual({
    title: 't.text({ min: 1, max: 200 })',
    price: 't.money()',
    status: "t.oneOf('open', 'done')",
    userId: "t.id('usr')",
    dueAt: 't.time().optional()',
    done: 't.boolean().optional()',
    currency: 't.currency()',
  })
  expect(fields.find(({ name }) => name === 'dueAt')).toMatchObject({
    field: { spec: { kind: 'time', nullable: true } },
    sample: undefined,
  })
  expect(fieldsOfWords(['a:money', 'currency:text']).map(({ name }) => name)).toEqual(['a', 'currency'])
})

test.each([
  ['title', '"title" is no field: give name:kind, such as title:text'],
  ['title:txt', 'did you mean "text"?'],
  ['title:wobble', 'give one of text, longText, email'],
  ['status:oneOf', 'give one of'],
  ['status:oneOf()', 'give one of'],
  ['status:oneOf(open,open)', 'give one of'],
  ['title:constructor', 'give one of'],
  ['due-at:time', 'did you mean "dueAt"?'],
  ['Title:text', 'did you mean "title"?'],
  ['createdAt:time', 'Every resource has the field "createdAt": leave it out'],
])('%s is refused with what was meant', (word, message) => {
  expect(() => fieldsOfWords([word])).toThrow(
    expect.objectContaining({ code: 'WRONG_ARGUMENT', message: expect.stringContaining(message) }),
  )
})

test('a field that is given twice is refused', () => {
  expect(() => fieldsOfWords(['a:text', 'a:integer'])).toThrow('The field "a" is given twice')
})
