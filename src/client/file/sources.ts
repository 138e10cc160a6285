import { existsSync, readFileSync } from 'node:fs'

/** The TypeScript of the client and of all that it imports, what is imported first: read where it stands, or as the build has kept it. */
export function sources(): readonly string[] {
  const kept = new URL('./sources.json', import.meta.url)
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as string[]
  return sourcesOf(new URL('./standalone.ts', import.meta.url))
}

/** The texts of a module and of what it imports, each once. */
export function sourcesOf(module: URL): string[] {
  const texts = new Map<string, string | undefined>()
  const read = (file: URL) => {
    if (texts.has(file.href)) return
    texts.set(file.href, undefined)
    const text = readFileSync(file, 'utf8')
    for (const [, path] of text.matchAll(/^(?:import|export) [^;]*? from '(\.[^']+)'$/gm)) read(new URL(path!, file))
    // At the end: after what it imports.
    texts.delete(file.href)
    texts.set(file.href, text)
  }
  read(module)
  return [...texts.values()].filter((text) => text !== undefined)
}
