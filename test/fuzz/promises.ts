import type { Described } from './document.ts'
import { othersIn } from './read-only.ts'
import { type Answer, paramsIn, type Sent, urlOf } from './sent.ts'

/** Asks something more, as the same caller unless another token is given. */
export type AskMore = (method: 'GET' | 'HEAD', url: string, token?: 'admin') => Promise<Answer>

/** What an answer promises of those that come after it, as far as it is not kept. */
export async function brokenPromises(
  sent: Sent,
  answer: Answer,
  described: Described,
  askMore: AskMore,
): Promise<string[]> {
  const { method, params, operation } = sent
  const [path] = sent.url.split('?') as [string]
  // What is changed by a link in a mail cannot be read there.
  const isRead = described.operations.some(
    (one) => one.method === 'GET' && one.template === operation.template && !one.isRoute,
  )
  switch (answer.status) {
    case 200:
      if (method !== 'PUT' && method !== 'PATCH') return []
      if (!isRead) return notEchoed(sent, answer)
      return [
        ...othersIn(sent, described).map((name) => `${name} is read-only, had another value, and was taken`),
        ...notEchoed(sent, answer),
        ...(await notRead(path.replace('/me', `/${idOf(answer)}`), answer, askMore)),
      ]
    case 201:
      // What was made the first time may be gone by now.
      if (answer.headers['idempotency-replayed'] !== undefined) return []
      return [...notEchoed(sent, answer), ...(await notRead(answer.headers.location!, answer, askMore))]
    case 204:
      if (method !== 'DELETE') return []
      return Object.values(params).includes('me') ? [] : await stillThere(path, askMore)
    default:
      return []
  }
}

/** R-REST-3: what was made or changed can be read, and is what the answer showed; what the caller may not read, an admin may. */
async function notRead(url: string, answer: Answer, askMore: AskMore): Promise<string[]> {
  const own = await askMore('GET', url)
  const found = own.status === 401 || own.status === 403 ? await askMore('GET', url, 'admin') : own
  if (found.status !== 200) return [`GET ${url} answers ${found.status}`]
  const [shown, read] = [JSON.stringify(answer.json), JSON.stringify(found.json)]
  return shown === read ? [] : [`GET ${url} answers ${read}`]
}

/** R-REST-6. */
async function stillThere(url: string, askMore: AskMore): Promise<string[]> {
  const { status } = await askMore('GET', url, 'admin')
  return status === 404 ? [] : [`it is deleted, and GET ${url} answers ${status}`]
}

/** Members that an answer may show otherwise than they were sent: counted on, added up, written as UTC. */
const OTHERWISE = ['version', 'quantity', 'placedAt']

/** What was given comes back as it was given: nothing trimmed, rounded or normalised in silence. What is read-only was repeated. */
function notEchoed({ body, operation }: Sent, { json }: Answer): string[] {
  const given = Object.entries((body?.json?.value as object | undefined) ?? {})
  const shown = json as Record<string, unknown>
  return given
    .filter(([name, value]) => name in shown && typeof value !== 'object' && !OTHERWISE.includes(name))
    .filter(([name]) => !Object.hasOwn(operation.readOnly, name))
    .filter(([name, value]) => shown[name] !== value)
    .map(([name, value]) => `${name} was ${JSON.stringify(value)} and is ${JSON.stringify(shown[name])}`)
}

const OF_THE_MOMENT = ['date', 'x-request-id', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'ratelimit', 'connection']

/** R-REST-2: HEAD is GET without the body. */
export async function notLikeHead(sent: Sent, answer: Answer, askMore: AskMore): Promise<string[]> {
  const head = await askMore('HEAD', sent.url)
  const lasting = ({ status, headers }: Answer) =>
    JSON.stringify([
      status,
      ...Object.entries(headers)
        .filter(([name]) => !OF_THE_MOMENT.includes(name))
        .sort(),
    ])
  if (head.text !== '') return ['HEAD has a body']
  return lasting(head) === lasting(answer) ? [] : [`HEAD answers ${lasting(head)}, GET ${lasting(answer)}`]
}

/** R-PAGE-2: the next page of a list, with the same query otherwise; undefined where there is none. */
export function nextPage({ operation, url, query, ...sent }: Sent, { status, json }: Answer): Sent | undefined {
  const { pagination } = (json ?? {}) as { pagination?: { nextCursor: string | null } }
  if (status !== 200 || !pagination?.nextCursor) return undefined
  const kept = query.filter(([name]) => name !== 'page' && name !== 'cursor')
  const next = [...kept, ['cursor', pagination.nextCursor] as const]
  return { ...sent, operation, query: next, url: urlOf(url.split('?')[0]!, next) }
}

/** The path of the place that a Location names, without its version, and the template that it is of. */
export function placeOf({ headers }: Answer, { operations }: Described) {
  const path = headers.location?.replace(/^\/v\d+/, '')
  const there = path && operations.find(({ template }) => paramsIn(template, path))
  return there ? { path, template: there.template } : undefined
}

function idOf({ json }: Answer): string {
  return (json as { id: string }).id
}
