import type { Socket } from 'node:net'
import pg from 'pg'

/** A row's columns, as text. */
export type Cells = (string | null)[]

const config = (connectionString: string) => ({
  connectionString,
  pipeline: true,
  options: '-c timezone=UTC -c datestyle=ISO -c statement_timeout=15000',
  types: { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig,
})

/** A pipelined connection that many requests read over. */
export async function openLane(url: string): Promise<pg.Client> {
  const client = new pg.Client(config(url))
  await client.connect()
  return client
}

/** Connections for transactions. */
export function openPool(url: string, max: number): pg.Pool {
  return new pg.Pool({ ...config(url), max }).on('error', console.error)
}

const corked = new WeakSet<pg.ClientBase>()
const names = new Map<string, string>()

/** Sends a statement, prepared once per connection; all that one turn of the event loop sends goes out in one write. */
export function ask(client: pg.ClientBase, text: string, values: unknown[] = []): Promise<Cells[]> {
  if (!corked.has(client)) {
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
    corked.add(client)
    stream.cork()
    setImmediate(() => {
      corked.delete(client)
      stream.uncork()
    })
  }
  let name = names.get(text)
  if (!name) {
    name = `s${names.size}`
    names.set(text, name)
  }
  return new Promise((resolve, reject) => {
    const query = values.length > 0 ? { name, text, values, rowMode: 'array' } : { text, rowMode: 'array' }
    client.query(query as pg.QueryArrayConfig, (error, result) => (error ? reject(error) : resolve(result.rows)))
  })
}
