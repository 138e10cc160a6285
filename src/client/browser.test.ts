import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Every module that a file loads at run time, with those that they load. */
function loaded(file: URL, found = new Set<string>()): Set<string> {
  if (found.has(file.href)) return found
  found.add(file.href)
  const imports = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) (?!type )[^;]*? from '([^']+)'|^import '([^']+)'/gm,
  )
  for (const [, from, bare] of imports) {
    const name = (from ?? bare)!
    if (name.startsWith('.')) loaded(new URL(name, file), found)
    else found.add(name)
  }
  return found
}

test('the client loads in a browser: it needs neither Node nor a package', () => {
  const modules = loaded(new URL('./index.ts', import.meta.url))
  expect([...modules].filter((module) => !module.startsWith('file:'))).toEqual([])
  expect(modules.size).toBeGreaterThan(8)
  for (const module of modules)
    expect(readFileSync(new URL(module), 'utf8')).not.toMatch(/(?<![\w-])(process|Buffer)\.\w/)
})
