import { writeFileSync } from 'node:fs'
import { sourcesOf } from './sources.ts'

// Run by the build: a package has no TypeScript beside its scripts, where compilers would take it for the types.
const source = new URL('../../../../src/client/file/standalone.ts', import.meta.url)
writeFileSync(new URL('./sources.json', import.meta.url), JSON.stringify(sourcesOf(source)))
