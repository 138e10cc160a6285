import { readFile, stat } from 'node:fs/promises'
import { Fault, MAX_FAULTS } from '../base/errors.ts'
import { parseJson } from '../base/json.ts'
import { type Description, describe } from './foreign/description.ts'
import { type ForeignRoute, placeOf } from './foreign/foreign-route.ts'
import { readOpenApi } from './foreign/openapi-file.ts'
import type { Unchecked } from './foreign/openapi-security.ts'
import { readRouteFile } from './foreign/route-file.ts'

export interface RouteFiles {
  readonly routes: string | undefined
  readonly openapi: readonly { readonly upstream: string; readonly file: string }[]
  /** What to do with security that the gateway cannot check, where a document does not say; refuse. */
  readonly unchecked?: Unchecked
}

/** Reads what is served, by upstream. Fault INVALID_ROUTES, which lists everything that is wrong with a file. */
export async function readRoutes(
  { routes, openapi, unchecked }: RouteFiles,
  upstreams: readonly string[],
  notice: (text: string) => void,
): Promise<Description[]> {
  const read: { file: string; routes: ForeignRoute[] }[] = []
  if (routes !== undefined)
    read.push(await readChecked(routes, (value, report) => readRouteFile(value, upstreams, report)))
  for (const { upstream, file } of openapi) {
    const options = { upstream, notice, ...(unchecked && { unchecked }) }
    read.push(await readChecked(file, (value, report) => readOpenApi(value, { ...options, report })))
  }
  checkTwice(read)
  const all = read.flatMap((one) => one.routes)
  return upstreams.map((name) => {
    const own = all.filter(({ upstream }) => upstream === name)
    if (own.length === 0) notice(`the upstream "${name}" has no routes and will receive no requests`)
    return describe(name, own, notice)
  })
}

type Read = (value: unknown, report: (where: string, what: string) => void) => ForeignRoute[]

async function readChecked(file: string, read: Read): Promise<{ file: string; routes: ForeignRoute[] }> {
  const faults: string[] = []
  const routes = read(await readValue(file), (where, what) => faults.push(`${file}: ${where} ${what}`))
  if (faults.length > 0) throw new Fault('INVALID_ROUTES', listed(faults))
  return { file, routes }
}

/** What two files say of one place. Within a file it is looked for where the file is read. */
function checkTwice(read: readonly { file: string; routes: readonly ForeignRoute[] }[]): void {
  const faults: string[] = []
  const seen = new Map<string, string>()
  for (const { file, routes } of read)
    for (const route of routes) {
      const place = placeOf(route)
      const other = seen.get(place)
      if (other !== undefined)
        faults.push(`${file}: ${route.method} ${route.path} is also in ${other}: keep one of them`)
      seen.set(place, file)
    }
  if (faults.length > 0) throw new Fault('INVALID_ROUTES', listed(faults))
}

/** A line for each of so many, and how many more there are. */
function listed(faults: readonly string[]): string {
  const more = faults.length - MAX_FAULTS
  return [...faults.slice(0, MAX_FAULTS), ...(more > 0 ? [`… and ${more} more`] : [])].join('\n')
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
  // Which some editors begin a file with.
  if (text.startsWith('\ufeff')) text = text.slice(1)
  try {
    if (/\.ya?ml$/i.test(file)) return (await import('../base/yaml-text.ts')).parseYaml(text)
    // The operator's own file: it may be as large as it is.
    return parseJson(text, { exact: false, maxDepth: 1_000, maxValues: Infinity, maxKeys: Infinity })
  } catch (cause) {
    throw new Fault('INVALID_ROUTES', `${file} is malformed: ${reasonOf(cause)}`, { cause })
  }
}

function reasonOf(cause: unknown): string {
  const { message, details } = cause as Error & { details?: { field: string; message: string }[] }
  const all = details?.map((one) => `${one.field} ${one.message}`).join('; ')
  // The list is cut, and the message ends with how many more there are.
  const more = /\d+ more errors are not listed\.$/.exec(message)
  return all ? [all, ...(more ?? [])].join('; ') : message || 'it is not valid JSON'
}
