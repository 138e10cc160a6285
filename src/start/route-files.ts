import { readFile, stat } from 'node:fs/promises'
import { Fault } from '../base/errors.ts'
import { parseJson } from '../base/json.ts'
import { type Description, describe } from '../gateway/foreign/description.ts'
import type { Entry } from '../gateway/foreign/entry.ts'
import { readOpenApi } from '../gateway/foreign/openapi-file.ts'
import { readRouteFile } from '../gateway/foreign/route-file.ts'

export interface RouteFiles {
  readonly routes: string | undefined
  readonly openapi: readonly { readonly upstream: string; readonly file: string }[]
}

/** Reads what is served, by upstream. Fault INVALID_ROUTES, which lists everything that is wrong with a file. */
export async function readRoutes(
  { routes, openapi }: RouteFiles,
  upstreams: readonly string[],
  notice: (text: string) => void,
): Promise<Description[]> {
  const entries: Entry[] = []
  if (routes !== undefined)
    entries.push(...(await readChecked(routes, (value, complain) => readRouteFile(value, upstreams, complain))))
  for (const { upstream, file } of openapi)
    entries.push(...(await readChecked(file, (value, complain) => readOpenApi(value, upstream, complain))))
  return upstreams.map((name) => {
    const own = entries.filter(({ upstream }) => upstream === name)
    if (own.length === 0) notice(`the upstream "${name}" has no routes: nothing leads to it`)
    return describe(name, own, notice)
  })
}

type Read = (value: unknown, complain: (where: string, what: string) => void) => Entry[]

async function readChecked(file: string, read: Read): Promise<Entry[]> {
  const faults: string[] = []
  const entries = read(await readValue(file), (where, what) => faults.push(`${file}: ${where} ${what}`))
  if (faults.length > 0) throw new Fault('INVALID_ROUTES', faults.slice(0, 50).join('\n'))
  return entries
}

const MAX_BYTES = 16 * 1024 * 1024

async function readValue(file: string): Promise<unknown> {
  let text: string
  try {
    if ((await stat(file)).size > MAX_BYTES) throw new Fault('INVALID_ROUTES', `${file} is larger than 16 MiB`)
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    const { code } = cause as NodeJS.ErrnoException
    throw new Fault('INVALID_ROUTES', `${file} cannot be read (${code}): give a JSON or YAML file`, { cause })
  }
  try {
    if (/\.ya?ml$/i.test(file)) return (await import('yaml')).parse(text)
    return parseJson(text)
  } catch (cause) {
    throw new Fault('INVALID_ROUTES', `${file} is malformed: ${reasonOf(cause)}`, { cause })
  }
}

function reasonOf(cause: unknown): string {
  const { message, details } = cause as Error & { details?: { field: string; message: string }[] }
  return details?.map((one) => `${one.field} ${one.message}`).join('; ') || message || 'it is no JSON'
}
