import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One file for each source, whatever it was before. */
const folder = join(tmpdir(), `lintel-test-sources-${process.getuid?.() ?? ''}`)
mkdirSync(folder, { recursive: true })

export async function load(url, context, next) {
  if (!/^file:.*\.m?ts$/.test(url)) return next(url, context)
  return { format: 'module', source: await javaScriptOf(fileURLToPath(url)), shortCircuit: true }
}

async function javaScriptOf(file) {
  const text = readFileSync(file, 'utf8')
  const mark = `// ${hashOf(text)}\n`
  const kept = join(folder, `${hashOf(file)}.js`)
  try {
    const source = readFileSync(kept, 'utf8')
    if (source.endsWith(mark)) return source
  } catch {
    // It was never run.
  }
  const source = (await withoutTypes(file, text)) + mark
  const written = `${kept}.${process.pid}`
  writeFileSync(written, source)
  renameSync(written, kept)
  return source
}

const hashOf = (text) => createHash('sha256').update(text).digest('hex')

async function withoutTypes(sourcefile, text) {
  // What tsx itself uses; loading it takes longer than all else here.
  const { transform } = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild')
  return (await transform(text, { loader: 'ts', target: 'node20', sourcefile, sourcemap: 'inline' })).code
}
