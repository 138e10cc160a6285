import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'

interface Rule {
  readonly name: string
  readonly from: { readonly path: string; readonly pathNot: readonly string[] }
  readonly to: { readonly path: string }
}

const page = (await readFile(new URL('../ARCHITECTURE.md', import.meta.url), 'utf8')).replace(/\s+/g, ' ')
const checked: { readonly forbidden: readonly Rule[] } = createRequire(import.meta.url)('../.dependency-cruiser.cjs')

test('ARCHITECTURE.md has the rooms in the order that the checker holds them to', () => {
  const rules = checked.forbidden.filter(({ name }) => name.endsWith('-imports-downwards'))
  const rooms = rules.map(({ name }) => name.replace('-imports-downwards', ''))
  const order = /(base < contract .*?)\./.exec(page)?.[1] ?? ''
  expect(order.split(/ [<·] /)).toEqual(rooms)
  const groups = order.split(' < ').map((group) => group.split(' · '))
  for (const [level, group] of groups.entries())
    for (const room of group)
      expect(forbiddenTo(rules[rooms.indexOf(room)]), room).toEqual(
        groups
          .slice(level)
          .flat()
          .filter((other) => other !== room),
      )
  for (const room of rooms) expect(page).toContain(`src/${room}/ `)
})

test('ARCHITECTURE.md names the importer of each driver that the checker lets import it', () => {
  const rules = checked.forbidden.filter(({ name }) => name.startsWith('one-importer-of-'))
  const listed = /Each driver has one importer: (.*?)\. /.exec(page)?.[1]?.split(', ')
  expect(listed).toEqual(
    rules.map(({ from, to }) => {
      const driver = to.path.replace('node_modules/', '').replace(/\/+$/, '')
      return `\`${driver}\` ${from.pathNot[0]?.replace('^', '')}`
    }),
  )
})

function forbiddenTo(rule: Rule | undefined): readonly string[] {
  return rule?.to.path.replace(/^\^src\/\(|\)\/$/g, '').split('|') ?? []
}
