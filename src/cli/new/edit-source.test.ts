import { expect, test } from 'vitest'
import { addTo, RESOURCES, SERVICES } from './edit-source.ts'

const line = `import orders from './services/orders/service.ts'`
const added = (source: string) => addTo(source, { line, where: SERVICES, member: 'orders' })

test('a name goes behind the others, and its import behind the imports', () => {
  expect(
    added(`import { system } from 'lintel'
import {
  notes,
} from "./notes.ts";

export default system({ name: 'shop', services: [notes] })
`),
  ).toBe(`import { system } from 'lintel'
import {
  notes,
} from "./notes.ts";
${line}

export default system({ name: 'shop', services: [notes, orders] })
`)
  expect(added('export default system({ services: [] })')).toBe(
    `${line}\n\nexport default system({ services: [orders] })`,
  )
})

test('a list of lines stays one, with or without a comma at its end', () => {
  for (const end of ['', ','])
    expect(added(`import a from 'a'\nsystem({\n  services: [\n    users,\n    notes${end}\n  ],\n})`)).toBe(
      `import a from 'a'\n${line}\nsystem({\n  services: [\n    users,\n    notes,\n    orders,\n  ],\n})`,
    )
})

test('an object is written into as people write it', () => {
  const where = RESOURCES
  const edit = (source: string) => addTo(source, { line: `import { Tag } from './tag.ts'`, where, member: 'tags: Tag' })
  expect(edit(`import 'a'\nservice('s', { resources: {} })`)).toContain('{ resources: { tags: Tag } }')
  expect(edit(`import 'a'\nservice('s', { resources: { notes: Note }, events })`)).toContain(
    '{ resources: { notes: Note, tags: Tag }, events }',
  )
})

test('what is written in another way is left to a person', () => {
  for (const source of [
    'system({ services: all })',
    'system({ services: [users, implement(notes, {})] })',
    'system({ services: [...mine] })',
  ])
    expect(added(source)).toBeUndefined()
})
