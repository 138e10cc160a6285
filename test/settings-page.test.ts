import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Setting } from '../src/start/setting-kinds.ts'
import { SERVICE_SETTINGS, SETTINGS } from '../src/start/settings-schema.ts'

const path = new URL('../docs/guide/settings.md', import.meta.url).pathname

test('R-OPS-4: the table of docs/guide/settings.md is that of the schema', async () => {
  const [before = ''] = readFileSync(path, 'utf8').split('| setting |')
  await expect(before + tableOf({ ...SETTINGS, ...ofServices() })).toMatchFileSnapshot(path)
})

function ofServices(): Record<string, Setting<unknown>> {
  return Object.fromEntries(Object.entries(SERVICE_SETTINGS).map(([name, setting]) => [`<SERVICE>_${name}`, setting]))
}

function tableOf(settings: Readonly<Record<string, Setting<unknown>>>): string {
  const rows = Object.entries(settings).map(([name, { kind, default: usual, unset, unit, about }]) => {
    const value = unit === undefined ? kind.expected : `${kind.expected}, in ${unit}`
    return `| \`${name}\` | ${usual === undefined ? unset : `\`${usual}\``} | ${value} | ${about} |\n`
  })
  return `| setting | default | value | meaning |\n|---|---|---|---|\n${rows.join('')}`
}
